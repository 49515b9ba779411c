"""What a trainer wants of the loaders that it is given."""

from collections.abc import Iterable

import torch
from torch import Tensor

# mixture (batch, channels, samples), target (batch, channels, samples, targets) or as the mixture
Batches = Iterable[tuple[Tensor, Tensor]]


def set_epoch(loader: Batches, epoch: int) -> None:
    """Tells a loader's dataset and sampler the number of an epoch, as far as they want to know."""
    for part in (getattr(loader, "dataset", None), getattr(loader, "sampler", None)):
        if hasattr(part, "set_epoch"):
            part.set_epoch(epoch)


def own_generators(*loaders: Batches) -> list[torch.Generator]:
    """The generators of random numbers that loaders have of their own, each once."""
    found = [
        getattr(part, "generator", None) for loader in loaders for part in (loader, getattr(loader, "sampler", None))
    ]
    return list({id(generator): generator for generator in found if generator is not None}.values())


def count_batches(loader: Batches) -> int | None:
    """Batches of a pass, None where the loader cannot tell."""
    try:
        return len(loader)
    except TypeError:
        return None
