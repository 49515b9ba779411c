"""Loaders of batches, and what a trainer does with them."""

from collections.abc import Iterable, Sized
from typing import cast

import torch
from torch import Tensor

# mixture (batch, channels, samples), target (batch, channels, samples, targets) or as the mixture
Batches = Iterable[tuple[Tensor, Tensor]]


def set_epoch(loader: Batches, epoch: int) -> None:
    """Calls `set_epoch` of a loader's dataset and sampler with the number of an epoch, if they have it."""
    for part in (getattr(loader, "dataset", None), getattr(loader, "sampler", None)):
        if (call := getattr(part, "set_epoch", None)) is not None:
            call(epoch)


def own_generators(*loaders: Batches) -> list[torch.Generator]:
    """The random number generators that belong to loaders alone, each once."""
    found = [
        getattr(part, "generator", None) for loader in loaders for part in (loader, getattr(loader, "sampler", None))
    ]
    return list({id(generator): generator for generator in found if generator is not None}.values())


def count_batches(loader: Batches) -> int | None:
    """Number of batches of a pass, None for a loader without a length."""
    try:
        return len(cast(Sized, loader))
    except TypeError:
        return None
