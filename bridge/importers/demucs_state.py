"""The state dicts of HTDemucs and HDemucs under the names of demucs, and back."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from auralflow_core.config import HDemucs, HTDemucs
from bridge.importers import h_demucs, ht_demucs
from bridge.importers.regrouped import Origin, from_theirs, to_theirs
from bridge.importers.rename import State


def from_demucs(
    state: Mapping[str, np.ndarray],
    config: HDemucs | HTDemucs,
    sources: Sequence[str] | None = None,
    origin: str = "state dict",
) -> State:
    """The state dict of our torch network, from one of demucs.

    Args:
        state: their names and arrays, of any floating point type, which is kept.
        config: the network's settings.
        sources: the targets in their order; default: ours, which is sorted.
        origin: where the tensors come from, for messages.

    Raises:
        InputError: a tensor is missing, left over or of another shape, or sources that are not the targets.
        MissingPackage: torch, which knows the network's shapes, is not installed.
    """
    return from_theirs(state, config, dict(_origins(config)), sources, "sources", origin)


def to_demucs(
    state: Mapping[str, np.ndarray], config: HDemucs | HTDemucs, sources: Sequence[str] | None = None
) -> State:
    """The inverse of `from_demucs`.

    Args:
        state: of our torch network.
        config: the network's settings.
        sources: the targets in their order; default: ours, which is sorted.

    Raises:
        InputError: sources that are not the targets.
    """
    return to_theirs(state, config, dict(_origins(config)), sources, "sources", "to_demucs")


def _origins(config: HDemucs | HTDemucs) -> Iterator[tuple[str, Origin]]:
    """All tensors of ours, and where they stand there."""
    return h_demucs.origins(config) if isinstance(config, HDemucs) else ht_demucs.origins(config)
