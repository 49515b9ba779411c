"""The state dicts of HTDemucs and HDemucs under the names of demucs, and back."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from auralflow_core.config import HDemucs, HTDemucs
from auralflow_core.optional import needs
from auralflow_core.weights.names import check_same
from bridge.importers import h_demucs, ht_demucs
from bridge.importers.demucs_names import Origin
from bridge.importers.rename import State, order_of_targets


class Shape(NamedTuple):
    """The shape and type of a tensor."""

    shape: tuple[int, ...]
    dtype: np.dtype


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
    order, origins = order_of_targets(config.targets, sources, "sources", origin), dict(_origins(config))
    kinds = {name: array.dtype for name, array in state.items()}
    expected = {
        name: Shape(shape, kinds.get(name, np.dtype(np.float32)))
        for name, shape in _their_shapes(config, origins).items()
    }
    check_same(state, expected, origin)
    return {ours: np.array(_sorted(_part(state, place), place, order), order="C") for ours, place in origins.items()}


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
    order = np.argsort(order_of_targets(config.targets, sources, "sources", "to_demucs")).tolist()
    parts: dict[str, list[np.ndarray]] = {}
    for ours, place in _origins(config):
        parts.setdefault(place.name, []).append(_sorted(state[ours], place, order))
    return {name: np.concatenate(pieces) for name, pieces in parts.items()}


def _origins(config: HDemucs | HTDemucs) -> Iterator[tuple[str, Origin]]:
    """All tensors of ours, and where they stand there."""
    return h_demucs.origins(config) if isinstance(config, HDemucs) else ht_demucs.origins(config)


def _part(state: Mapping[str, np.ndarray], place: Origin) -> np.ndarray:
    array = state[place.name]
    return array if place.third is None else np.split(array, 3)[place.third]


def _sorted(array: np.ndarray, place: Origin, order: Sequence[int]) -> np.ndarray:
    """The tensor with the targets' channels in another order."""
    if place.by_target is None:
        return array
    groups = np.split(array, len(order), place.by_target)
    return np.concatenate([groups[number] for number in order], place.by_target)


def _their_shapes(config: HDemucs | HTDemucs, origins: Mapping[str, Origin]) -> dict[str, tuple[int, ...]]:
    """The shapes of their tensors."""
    with needs("torch"):
        import torch  # noqa: F401
    from auralflow_torch import networks
    from auralflow_torch.networks.shapes import state_shapes

    shapes = state_shapes(lambda: getattr(networks, type(config).__name__)(config)) or {}
    found = {}
    for ours, place in origins.items():
        rows, *rest = shapes[ours].shape
        found[place.name] = (rows if place.third is None else 3 * rows, *rest)
    return found
