"""Names and layouts of a network's tensors in flax and in torch: one rule for both directions, bit-exact.

| flax | torch |
|---|---|
| module `down_0` | `down.0`, an element of a list |
| `params` kernel | weight, with axes (-1, -2, 0, 1, ...) of the kernel |
| `params` scale | weight, unchanged |
| `params` anything else | the same name, unchanged |
| `batch_stats` mean and var | running_mean and running_var, unchanged |
| no counterpart | num_batches_tracked of a norm with statistics, 0 |

Linear layers, convolutions and transposed convolutions share one transposition, as the kernel of a transposed
convolution is stored with its input channels last. Torch needs the number of batches only in norms without momentum,
which no network here has.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from auralflow_core.errors import InputError, shown

COUNTER = "num_batches_tracked"
RENAMED = {
    ("params", "kernel"): "weight",
    ("params", "scale"): "weight",
    ("batch_stats", "mean"): "running_mean",
    ("batch_stats", "var"): "running_var",
}


class Described(Protocol):
    """An array, or its shape and type."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype: ...


class Place(NamedTuple):
    """The origin of a torch tensor in flax, and its shape and type in torch."""

    path: tuple[str, ...] | None  # in flax, the collection first; None: no counterpart
    axes: tuple[int, ...]  # torch tensor = flax array.transpose(axes)
    shape: tuple[int, ...]
    dtype: np.dtype


def to_torch(variables: Mapping, origin: str = "variables") -> dict[str, np.ndarray]:
    """Converts a network's variables to a torch state dict of numpy arrays.

    Args:
        variables: nested dicts of arrays, `params` and `batch_stats`.
        origin: the file of the variables, for messages.

    Returns:
        A contiguous, writable copy of every array, under its torch name.

    Raises:
        InputError: a variable has no counterpart in torch, or two have the same one.

    Example:
        >>> kernel = np.zeros((3, 5), np.float32)
        >>> to_torch({"params": {"layers_0": {"kernel": kernel}}})["layers.0.weight"].shape
        (5, 3)
    """
    arrays = dict(flatten(variables))
    return {
        name: np.zeros((), np.int64) if place.path is None else moved(arrays[place.path], place.axes)
        for name, place in torch_layout(variables, origin).items()
    }


def to_flax(state: Mapping[str, np.ndarray], expected: Mapping, origin: str = "state dict") -> dict[str, dict]:
    """Converts a torch state dict to variables: the inverse of `to_torch`.

    Args:
        state: torch names and numpy arrays.
        expected: the network's variables or their shapes, nested dicts of anything with `shape` and `dtype`.
        origin: the file of the state dict, for messages.

    Returns:
        A contiguous, writable copy of every array, nested like `expected`.

    Raises:
        InputError: a tensor is missing, left over, or has another shape or type than the network's.
    """
    layout = torch_layout(expected)
    check_same(state, layout, origin)
    variables: dict[str, Any] = {collection: {} for collection in expected}
    for name, place in layout.items():
        if place.path is not None:
            *modules, leaf = place.path
            node = variables
            for module in modules:
                node = node.setdefault(module, {})
            node[leaf] = moved(state[name], tuple(np.argsort(place.axes).tolist()))
    return variables


def torch_layout(variables: Mapping, origin: str = "variables") -> dict[str, Place]:
    """The torch names, shapes and types of variables; the values are not read."""
    layout = {}
    for path, leaf in flatten(variables):
        collection, *modules, last = path
        if collection not in ("params", "batch_stats") or (collection == "batch_stats" and last not in ("mean", "var")):
            raise InputError(
                f"{origin}: {shown('/'.join(path))} of shape {tuple(leaf.shape)} has no counterpart in torch; "
                "params/... and batch_stats/.../mean or var have one"
            )
        prefix = "".join(f"{torch_module(module)}." for module in modules)
        ndim = len(leaf.shape)
        if (transposed := (collection, last) == ("params", "kernel")) and ndim < 2:
            raise InputError(
                f"{origin}: {shown('/'.join(path))} has shape {tuple(leaf.shape)}; a kernel has at least two axes"
            )
        axes = (ndim - 1, ndim - 2, *range(ndim - 2)) if transposed else tuple(range(ndim))
        place = Place(path, axes, tuple(leaf.shape[axis] for axis in axes), np.dtype(leaf.dtype))
        _add(layout, prefix + RENAMED.get((collection, last), last), place, origin)
        if (collection, last) == ("batch_stats", "mean"):
            _add(layout, prefix + COUNTER, Place(None, (), (), np.dtype(np.int64)), origin)
    return layout


def _add(layout: dict[str, Place], name: str, place: Place, origin: str) -> None:
    if name in layout:
        both = f"{_path(layout[name])} and {_path(place)}"
        raise InputError(f"{origin}: {both} would both be torch's {shown(name)}")
    layout[name] = place


def _path(place: Place) -> str:
    return f"{shown('/'.join(place.path))} of shape {place.shape}" if place.path else f"a norm's made-up {COUNTER}"


def torch_module(module: str) -> str:
    """The name of a flax module in torch; numbers at its end are elements of lists.

    Example:
        >>> torch_module("down_0"), torch_module("head"), torch_module("blocks_2_1")
        ('down.0', 'head', 'blocks.2.1')
    """
    match = re.fullmatch(r"(.+?)((?:_\d+)+)", module)
    return match[1] + match[2].replace("_", ".") if match else module


def check_same(found: Mapping[str, Described], wanted: Mapping[str, Described], origin: str) -> None:
    """Compares the names, shapes and types of tensors with those that a network has.

    Raises:
        InputError: they differ; the message names the first tensor of each kind of difference.
    """

    def lacking(some, others):
        return [f"{shown(name)} of shape {tuple(some[name].shape)}" for name in sorted(some.keys() - others.keys())]

    def differing(attribute, show):
        pairs = [
            (name, *(getattr(side[name], attribute) for side in (found, wanted)))
            for name in sorted(found.keys() & wanted.keys())
        ]
        return [
            f"{shown(name)} is {show(ours)}, expected {show(theirs)}" for name, ours, theirs in pairs if ours != theirs
        ]

    problems = [
        f"{len(names)} {kind} ({names[0]})"
        for names, kind in (
            (lacking(wanted, found), "missing"),
            (lacking(found, wanted), "left over"),
            (differing("shape", tuple), "of another shape"),
            (differing("dtype", str), "of another type"),
        )
        if names
    ]
    if problems:
        raise InputError(f"{origin}: the tensors do not fit the network: {'; '.join(problems)}")


def flatten(tree: Mapping, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The paths and leaves of nested dicts, in sorted order."""
    for key in sorted(tree):
        if isinstance(tree[key], Mapping):
            yield from flatten(tree[key], (*path, key))
        else:
            yield (*path, key), tree[key]


def moved(array: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """A transposed copy whose memory has the order of its axes, as safetensors assumes without a check."""
    return np.array(np.asarray(array).transpose(axes), order="C")
