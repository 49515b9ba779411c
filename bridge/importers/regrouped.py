"""State dicts whose tensors have other names elsewhere, and whose targets stand there in another order."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from auralflow_core.weights.names import check_same
from bridge.importers.rename import State


class Origin(NamedTuple):
    """Where a tensor of ours stands in their state dict.

    Attributes:
        name: theirs.
        by_target: the axis of ours that the targets divide, or None.
        shape: theirs, where it is another one than ours.
    """

    name: str
    by_target: int | None = None
    shape: tuple[int, ...] | None = None


class Shape(NamedTuple):
    """The shape and type of a tensor."""

    shape: tuple[int, ...]
    dtype: np.dtype


def from_theirs(
    state: Mapping[str, np.ndarray],
    origins: Mapping[str, Origin],
    shapes: Mapping[str, tuple[int, ...]],
    order: Sequence[int],
    origin: str,
) -> State:
    """Our state dict.

    Args:
        state: their names and arrays, of any floating point type, which is kept.
        origins: of our tensors.
        shapes: of our tensors.
        order: their number of each of our targets.
        origin: where the tensors come from, for messages.

    Raises:
        InputError: a tensor is missing, left over or of another shape.
    """
    kinds = {name: array.dtype for name, array in state.items()}
    expected = {
        place.name: Shape(place.shape or tuple(shapes[ours]), kinds.get(place.name, np.dtype(np.float32)))
        for ours, place in origins.items()
    }
    check_same(state, expected, origin)
    return {ours: _sorted(state[place.name].reshape(shapes[ours]), place, order) for ours, place in origins.items()}


def to_theirs(state: Mapping[str, np.ndarray], origins: Mapping[str, Origin], order: Sequence[int]) -> State:
    """The inverse of `from_theirs`."""
    back = np.argsort(order).tolist()
    return {
        place.name: _sorted(state[ours], place, back).reshape(place.shape or state[ours].shape)
        for ours, place in origins.items()
    }


def _sorted(array: np.ndarray, place: Origin, order: Sequence[int]) -> np.ndarray:
    """A copy with the targets' channels in another order."""
    if place.by_target is None:
        return np.array(array, order="C")
    groups = np.split(array, len(order), place.by_target)
    return np.concatenate([groups[number] for number in order], place.by_target)
