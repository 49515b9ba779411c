"""State dicts whose tensors have other names elsewhere, and whose targets stand there in another order."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from auralflow_core.config import ModelConfig
from auralflow_core.optional import needs
from auralflow_core.weights.names import check_same
from bridge.importers.rename import State, order_of_targets


class Origin(NamedTuple):
    """Where a tensor of ours stands in their state dict.

    Attributes:
        name: theirs.
        by_target: the axis of ours that the targets divide, or None.
        shape: theirs, where it is another one than ours.
        third: of the rows of theirs, where they are three of our tensors.
    """

    name: str
    by_target: int | None = None
    shape: tuple[int, ...] | None = None
    third: int | None = None


def same(ours: str, theirs: str) -> Iterator[tuple[str, Origin]]:
    """The weight and bias of a layer."""
    for leaf in ("weight", "bias"):
        yield f"{ours}.{leaf}", Origin(f"{theirs}.{leaf}")


def from_theirs(
    state: Mapping[str, np.ndarray],
    config: ModelConfig,
    origins: Mapping[str, Origin],
    targets: Sequence[str] | None,
    kind: str,
    origin: str,
) -> State:
    """The state dict of our torch network.

    Args:
        state: their names and arrays, of any floating point type, which is kept.
        config: the network's settings.
        origins: of our tensors.
        targets: in their order; default: ours, which is sorted.
        kind: their word for targets, for messages.
        origin: where the tensors come from, for messages.

    Raises:
        InputError: a tensor is missing, left over or of another shape, or other targets.
        MissingPackage: torch, which knows the network's shapes, is not installed.
    """
    with needs("torch"):
        import torch  # noqa: F401
    from auralflow_torch import networks
    from auralflow_torch.networks.shapes import Shape, state_shapes

    order = order_of_targets(config.targets, targets, kind, origin)
    shapes = state_shapes(lambda: getattr(networks, type(config).__name__)(config)) or {}
    expected = {}
    for ours, place in origins.items():
        rows, *rest = shapes[ours].shape
        shape = place.shape or (rows if place.third is None else 3 * rows, *rest)
        dtype = state[place.name].dtype if place.name in state else np.dtype(np.float32)
        expected[place.name] = Shape(shape, dtype)
    check_same(state, expected, origin)
    return {
        ours: np.array(_sorted(_part(state[place.name], place).reshape(shapes[ours].shape), place, order), order="C")
        for ours, place in origins.items()
    }


def to_theirs(
    state: Mapping[str, np.ndarray],
    config: ModelConfig,
    origins: Mapping[str, Origin],
    targets: Sequence[str] | None,
    kind: str,
    origin: str,
) -> State:
    """The inverse of `from_theirs`, of our state dict."""
    order = np.argsort(order_of_targets(config.targets, targets, kind, origin)).tolist()
    parts: dict[str, list[np.ndarray]] = {}
    for ours, place in origins.items():
        piece = _sorted(state[ours], place, order)
        parts.setdefault(place.name, []).append(piece.reshape(place.shape or piece.shape))
    return {name: np.concatenate(pieces) for name, pieces in parts.items()}


def _part(array: np.ndarray, place: Origin) -> np.ndarray:
    return array if place.third is None else np.split(array, 3)[place.third]


def _sorted(array: np.ndarray, place: Origin, order: Sequence[int]) -> np.ndarray:
    """The tensor with the targets' channels in another order."""
    if place.by_target is None:
        return array
    groups = np.split(array, len(order), place.by_target)
    return np.concatenate([groups[number] for number in order], place.by_target)
