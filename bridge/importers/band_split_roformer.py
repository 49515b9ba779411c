"""The tensors of BS-RoFormers and Mel-Band RoFormers under the names of Music-Source-Separation-Training, and back.

There each band has layers of its own; here the layers of all bands are one array. `i` counts blocks, `j` layers, `k`
bands, `m` hidden layers and `s` targets, there in the order of the instruments; `a` is 0 for time and 1 for band.

| there | ours |
|---|---|
| `band_split.to_features.k.0.gamma`, `.1.weight`, `.1.bias` | `split.gamma`, `split.weight`, `split.bias` |
| `layers.i.a.layers.j.0.norm.gamma` | `blocks.i.time.layers.j.attention.norm.gamma`, or `band` |
| `layers.i.a.layers.j.0.to_qkv`, `.to_gates`, `.to_out.0` | `qkv`, `gate` and `out` there |
| `layers.i.a.layers.j.1.net.0.gamma`, `.1`, `.4` | `feedforward.norm.gamma`, `.wide` and `.narrow` there |
| `layers.i.a.norm.gamma` | `blocks.i.time.norm.gamma`, or `band` |
| `final_norm.gamma` | `norm.gamma` |
| `mask_estimators.s.to_freqs.k.0.(2m)` | `mask.s.hidden.m` |
| the last one of these | `mask.s.value`, its upper half of rows, and `mask.s.gate`, the lower |
| `layers.i.a.layers.j.0.pope_embed.bias`, the same everywhere | `time_shift`, `band_shift` |
| `rotary_embed.freqs`, `pope_embed.inv_freqs` | constants, compared where they are there, and left out |
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from auralflow_core.config import BandSplitRoformer
from auralflow_core.dsp.positions import frequencies
from auralflow_core.errors import InputError
from auralflow_core.optional import needs
from auralflow_core.weights.names import check_same
from bridge.importers.rename import State, order_of_targets

ROUNDING = 2**-8  # of the constants in files of half types, relative; bfloat16 rounds most
AXES = ("time", "band")

Join = Literal["same", "rows", "columns", "stack"]


class Part(NamedTuple):
    """A tensor of ours, and those that it is made of.

    Attributes:
        ours: its name.
        theirs: their names, in order.
        shapes: their shapes.
        join: they are the same, are joined along their first or second axis, or stacked along a new first one.
        half: the half of their first axis that is used: 0, 1, or None for all.
    """

    ours: str
    theirs: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    join: Join = "same"
    half: Literal[0, 1] | None = None


class Shape(NamedTuple):
    """The shape and type of a tensor."""

    shape: tuple[int, ...]
    dtype: np.dtype


def from_msst(
    state: Mapping[str, np.ndarray],
    config: BandSplitRoformer,
    instruments: Sequence[str] | None = None,
    origin: str = "state dict",
    used: Callable[[str], object] | None = None,
) -> State:
    """The state dict of our torch network, from one of Music-Source-Separation-Training.

    Args:
        state: their names and arrays, of any floating point type, which is kept.
        config: the network's settings.
        instruments: the targets in their order; default: ours, which is sorted.
        origin: where the tensors come from, for messages.
        used: called with the name of each tensor that is not needed any more, such as `state.pop`: so that a large
            checkpoint is in memory once, not twice.

    Raises:
        InputError: a tensor is missing, left over or of another shape; instruments that are not the targets; or
            constants of another network.
    """
    constants = {name: count for name, count in _constants(config).items() if name in state}
    parts = list(_parts(config, order_of_targets(config.targets, instruments, "instruments", origin)))
    shapes = {name: shape for part in parts for name, shape in zip(part.theirs, part.shapes, strict=True)}
    shapes |= {name: (count,) for name, count in constants.items()}
    types = {name: array.dtype for name, array in state.items()}
    any_type = np.dtype(np.float32)
    check_same(state, {name: Shape(shape, types.get(name, any_type)) for name, shape in shapes.items()}, origin)
    for name, count in constants.items():
        if not np.allclose(np.float64(state[name]), frequencies(count), rtol=ROUNDING, atol=0):
            raise InputError(f"{origin}: {name} is not 10000 ** -(0, 1, ...) / {count}: these are other positions")
    return {part.ours: _joined(part, state, origin, used) for part in parts}


def to_msst(
    state: Mapping[str, np.ndarray], config: BandSplitRoformer, instruments: Sequence[str] | None = None
) -> State:
    """The inverse of `from_msst`, constants included.

    Args:
        state: of our torch network.
        config: the network's settings.
        instruments: the targets in their order; default: ours, which is sorted.

    Raises:
        InputError: instruments that are not the targets.
        MissingPackage: torch, which knows the constants to the last bit, is not installed.
    """
    found: State = {}
    halves: dict[str, dict[int, np.ndarray]] = {}
    for part in _parts(config, order_of_targets(config.targets, instruments, "instruments", "to_msst")):
        for name, piece in zip(part.theirs, _pieces(part, state[part.ours]), strict=True):
            if part.half is None:
                found[name] = piece
            else:
                halves.setdefault(name, {})[part.half] = piece
    found |= {name: np.concatenate([both[0], both[1]]) for name, both in halves.items()}
    constant = _their_frequencies(config)
    return found | {name: constant.copy() for name in _constants(config)}


def _parts(config: BandSplitRoformer, order: Sequence[int]) -> Iterator[Part]:
    """All tensors.

    Args:
        config: the network's settings.
        order: their number of each of our targets.
    """
    width, widths = config.width, config.band_features
    split: list[tuple[str, Join, list[tuple[int, ...]]]] = [
        ("0.gamma", "rows", [(size,) for size in widths]),
        ("1.weight", "columns", [(width, size) for size in widths]),
        ("1.bias", "stack", [(width,) for _ in widths]),
    ]
    for leaf, join, shapes in split:
        names = tuple(f"band_split.to_features.{k}.{leaf}" for k in range(len(widths)))
        yield Part(f"split.{leaf[2:]}", names, tuple(shapes), join)
    for i in range(config.num_blocks):
        for a, layers in enumerate((config.time_layers, config.band_layers)):
            for j in range(layers):
                yield from _layer(f"blocks.{i}.{AXES[a]}.layers.{j}", f"layers.{i}.{a}.layers.{j}", config)
            if config.norms == "each":
                yield Part(f"blocks.{i}.{AXES[a]}.norm.gamma", (f"layers.{i}.{a}.norm.gamma",), ((width,),))
    if config.norms == "end":
        yield Part("norm.gamma", ("final_norm.gamma",), ((width,),))
    for target, number in enumerate(order):
        yield from _mask(f"mask.{target}", f"mask_estimators.{number}.to_freqs", config)
    if config.positions == "polar":
        shape = config.heads, config.head_size
        for a, axis in enumerate(AXES):
            names = tuple(
                f"{layer}.0.pope_embed.bias" for layer in _attentions(config) if layer.split(".")[2] == str(a)
            )
            yield Part(f"{axis}_shift", names, (shape,) * len(names))


def _layer(ours: str, theirs: str, config: BandSplitRoformer) -> Iterator[Part]:
    """The tensors of one layer of a transformer."""
    width, inner, wide = config.width, config.heads * config.head_size, 4 * config.width
    for our_name, their_name, shape in (
        ("attention.norm.gamma", "0.norm.gamma", (width,)),
        ("attention.qkv.weight", "0.to_qkv.weight", (3 * inner, width)),
        ("attention.gate.weight", "0.to_gates.weight", (config.heads, width)),
        ("attention.gate.bias", "0.to_gates.bias", (config.heads,)),
        ("attention.out.weight", "0.to_out.0.weight", (width, inner)),
        ("feedforward.norm.gamma", "1.net.0.gamma", (width,)),
        ("feedforward.wide.weight", "1.net.1.weight", (wide, width)),
        ("feedforward.wide.bias", "1.net.1.bias", (wide,)),
        ("feedforward.narrow.weight", "1.net.4.weight", (width, wide)),
        ("feedforward.narrow.bias", "1.net.4.bias", (width,)),
    ):
        yield Part(f"{ours}.{our_name}", (f"{theirs}.{their_name}",), (shape,))


def _mask(ours: str, theirs: str, config: BandSplitRoformer) -> Iterator[Part]:
    """The tensors of the masks of one target."""
    widths, hidden = config.band_features, config.mask_growth * config.width
    sizes = [config.width, *[hidden] * config.mask_layers]
    for number, inputs in enumerate(sizes):
        for leaf, rest in (("weight", (inputs,)), ("bias", ())):
            names = tuple(f"{theirs}.{k}.0.{2 * number}.{leaf}" for k in range(len(widths)))
            if number < config.mask_layers:
                yield Part(f"{ours}.hidden.{number}.{leaf}", names, ((hidden, *rest),) * len(names), "stack")
            else:
                shapes = tuple((2 * size, *rest) for size in widths)
                yield Part(f"{ours}.value.{leaf}", names, shapes, "rows", 0)
                yield Part(f"{ours}.gate.{leaf}", names, shapes, "rows", 1)


def _joined(
    part: Part, state: Mapping[str, np.ndarray], origin: str, used: Callable[[str], object] | None
) -> np.ndarray:
    """One tensor of ours; theirs are dropped one by one, as some of these are more than half of a checkpoint."""
    first = state[part.theirs[0]]
    if part.join == "same":
        for name in part.theirs:
            if not np.array_equal(state[name], first):
                raise InputError(f"{origin}: {name} differs from {part.theirs[0]}, expected the same in all layers")
    halves = 1 if part.half is None else 2
    joined = np.empty(_joined_shape(part), first.dtype)
    for name, place in zip(part.theirs, _places(part, joined), strict=True):
        place[...] = np.split(state[name], halves)[part.half or 0]
        if used is not None and part.half != 0:  # the second half follows, of the same tensors
            used(name)
    return joined


def _joined_shape(part: Part) -> tuple[int, ...]:
    first = part.shapes[0]
    if part.join == "stack":
        return (len(part.shapes), *first)
    if part.join == "same":
        return first
    axis = int(part.join == "columns")
    total = sum(shape[axis] for shape in part.shapes) // (1 if part.half is None else 2)
    return (*first[:axis], total, *first[axis + 1 :])


def _pieces(part: Part, array: np.ndarray) -> list[np.ndarray]:
    """The tensors that `_joined` joined."""
    return [np.array(place, order="C") for place in _places(part, array)]


def _places(part: Part, array: np.ndarray) -> list[np.ndarray]:
    """Where each of their tensors stands in ours."""
    if part.join == "stack":
        return list(array)
    if part.join == "same":
        return [array] * len(part.theirs)
    axis = int(part.join == "columns")
    sizes = [shape[axis] // (1 if part.half is None else 2) for shape in part.shapes]
    return np.split(array, np.cumsum(sizes)[:-1], axis)


def _attentions(config: BandSplitRoformer) -> Iterator[str]:
    """Their names of all layers of transformers."""
    for i in range(config.num_blocks):
        for a, layers in enumerate((config.time_layers, config.band_layers)):
            for j in range(layers):
                yield f"layers.{i}.{a}.layers.{j}"


def _constants(config: BandSplitRoformer) -> dict[str, int]:
    """Their tensors that are the same in every network, with the number of frequencies in them."""
    rotary = config.positions == "rotary"
    leaf, count = (
        ("rotary_embed.freqs", config.head_size // 2) if rotary else ("pope_embed.inv_freqs", config.head_size)
    )
    return {f"{layer}.0.{leaf}": count for layer in _attentions(config)}


def _their_frequencies(config: BandSplitRoformer) -> np.ndarray:
    """`frequencies` as their networks compute them, in float32 throughout."""
    with needs("torch"):
        import torch
    if config.positions == "rotary":
        exponents = torch.arange(0, config.head_size, 2).float() / config.head_size
        return (1.0 / 10000.0**exponents).numpy()
    return (10000.0 ** -(torch.arange(config.head_size).float() / config.head_size)).numpy()
