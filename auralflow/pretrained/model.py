"""What is known of a ready model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from auralflow_core.storage.cache import cache_folder
from auralflow_core.config import Config
from auralflow_core.errors import InputError
from auralflow_core.weights.names import COUNTER
from auralflow.pretrained.download import PackagedFile, Source

State = dict[str, np.ndarray]  # torch names and arrays


@dataclass(frozen=True)
class ReadyModel:
    """A trained network, and how to get it.

    Attributes:
        name: as on the command line.
        config: the network, with settings to separate and to go on training with.
        sources: the published files.
        read: from those files, in that order, to the state dict of the configuration's torch network.
        megabytes: of what is fetched, or came with auralflow.
        licence: of the weights, in a word or two.
        credit: who made them, of what, and the terms in full: paragraphs for the folder's card.
        origin: where they come from, in a few words.
        quality: a figure, with what it was measured on and by whom.
    """

    name: str
    config: Config
    sources: tuple[Source | PackagedFile, ...]
    read: Callable[[Sequence[Path]], State]
    megabytes: float
    licence: str
    credit: str
    origin: str
    quality: str

    @property
    def targets(self) -> tuple[str, ...]:
        return self.config.model.targets

    @property
    def folder(self) -> Path:
        """Where its folder is kept, in the user's cache."""
        # Another version of auralflow may bring other weights of the same name.
        versions = [source.sha256[:8] for source in self.sources if isinstance(source, PackagedFile)]
        return cache_folder("models").joinpath(*versions, self.name)


def rename(state: Mapping[str, np.ndarray], modules: Mapping[str, str], dropped: frozenset[str], origin: str) -> State:
    """Gives foreign tensors our names, strictly.

    Args:
        state: names such as `encoder.conv1.weight`, and arrays.
        modules: foreign module -> ours: `encoder.conv1` -> `down.0`; the empty string stands for no module.
        dropped: names of tensors that the network does not need.
        origin: where they come from, for messages.

    Returns:
        The tensors under our names, and the counter of every norm that has none.

    Raises:
        InputError: a tensor of no known module.

    Example:
        >>> rename({"a.b.weight": np.ones(3), "rate": np.ones(1)}, {"a.b": "head"}, frozenset({"rate"}), "file")
        {'head.weight': array([1., 1., 1.])}
    """
    renamed: State = {}
    for name, array in state.items():
        if name in dropped:
            continue
        module, _, leaf = name.rpartition(".")
        if module not in modules:
            raise InputError(f"{origin}: tensor {name!r} of shape {tuple(array.shape)} is no part of this network")
        renamed[f"{modules[module]}.{leaf}" if modules[module] else leaf] = array
    norms = [name.removesuffix("running_mean") for name in renamed if name.endswith("running_mean")]
    return {f"{norm}{COUNTER}": np.zeros((), np.int64) for norm in norms} | renamed
