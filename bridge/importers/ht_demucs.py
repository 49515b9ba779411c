"""The tensors of HTDemucs under the names of demucs, and back.

`i` counts levels, `d` layers of a residual branch, `n` layers of the transformer. Decoders count from the deepest
level there, from the first one here. Each name stands for the spectrum's branch; that of the waveform begins with `t`,
or ends in `_t`, there, and begins with `wave_` here.

| there | ours |
|---|---|
| `encoder.i.conv`, `.rewrite` | `encoder.i.conv`, `.gate` |
| `decoder.i.rewrite`, `.conv_tr` | `decoder.i.gate`, `.up` |
| `dconv.layers.d.0`, `.1` of both | `dconv.layers.d.squeeze`, `.squeeze_norm` |
| `dconv.layers.d.3`, `.4`, `.6.scale` of both | `dconv.layers.d.expand`, `.expand_norm`, `.scale.gamma` |
| `freq_emb.embedding.weight` | `bin_embedding` |
| `channel_upsampler`, `channel_downsampler` | `widen`, `narrow` |
| `crosstransformer.norm_in`, `.layers.n` | `transformer.norm`, `.layers.n` |
| `self_attn` or `cross_attn.in_proj_weight`, a third of its rows each | `attention.query`, `.key`, `.value` |
| `self_attn` or `cross_attn.out_proj` | `attention.out` |
| `norm1`; `norm2` of a layer that looks at the other branch | `attention_norm`, `source_norm` |
| the next norm; `norm_out` | `feedforward_norm`, `norm` |
| `linear1`, `linear2` | `wide`, `narrow` |
| `gamma_1.scale`, `gamma_2.scale` | `attention_scale.gamma`, `feedforward_scale.gamma` |
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from auralflow_core.config import HTDemucs
from auralflow_core.optional import needs
from auralflow_core.weights.names import check_same
from bridge.importers.rename import State, order_of_targets

DCONV = {"squeeze": "0", "squeeze_norm": "1", "expand": "3", "expand_norm": "4"}
BOTH = ("weight", "bias")


class Origin(NamedTuple):
    """Where a tensor of ours stands in their state dict.

    Attributes:
        name: theirs.
        third: of its rows, or None for all.
        by_target: the axis that the targets divide, or None.
    """

    name: str
    third: int | None = None
    by_target: int | None = None


class Shape(NamedTuple):
    """The shape and type of a tensor."""

    shape: tuple[int, ...]
    dtype: np.dtype


def from_demucs(
    state: Mapping[str, np.ndarray], config: HTDemucs, sources: Sequence[str] | None = None, origin: str = "state dict"
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


def to_demucs(state: Mapping[str, np.ndarray], config: HTDemucs, sources: Sequence[str] | None = None) -> State:
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


def _origins(config: HTDemucs) -> Iterator[tuple[str, Origin]]:
    """All tensors of ours; thirds follow each other."""
    for level in range(config.depth):
        theirs = config.depth - 1 - level
        for wave, t in (("", ""), ("wave_", "t")):
            yield from _same(f"{wave}encoder.{level}.conv", f"{t}encoder.{level}.conv")
            yield from _same(f"{wave}encoder.{level}.gate", f"{t}encoder.{level}.rewrite")
            yield from _dconv(f"{wave}encoder.{level}", f"{t}encoder.{level}", config.residual_depth)
            yield from _same(f"{wave}decoder.{level}.gate", f"{t}decoder.{theirs}.rewrite")
            if config.residuals == "both":
                yield from _dconv(f"{wave}decoder.{level}", f"{t}decoder.{theirs}", config.residual_depth)
            for leaf, axis in (("weight", 1), ("bias", 0)):
                place = Origin(f"{t}decoder.{theirs}.conv_tr.{leaf}", by_target=None if level else axis)
                yield f"{wave}decoder.{level}.up.{leaf}", place
    if config.bin_embedding:
        yield "bin_embedding", Origin("freq_emb.embedding.weight")
    for wave, t in (("", ""), ("wave_", "_t")):
        if config.width:
            yield from _same(f"{wave}widen", f"channel_upsampler{t}")
            yield from _same(f"{wave}narrow", f"channel_downsampler{t}")
        yield from _same(f"transformer.{wave}norm", f"crosstransformer.norm_in{t}")
        for index in range(config.num_layers):
            yield from _layer(f"transformer.{wave}layers.{index}", f"crosstransformer.layers{t}.{index}", index % 2)


def _same(ours: str, theirs: str) -> Iterator[tuple[str, Origin]]:
    """The weight and bias of a layer."""
    for leaf in BOTH:
        yield f"{ours}.{leaf}", Origin(f"{theirs}.{leaf}")


def _dconv(ours: str, theirs: str, depth: int) -> Iterator[tuple[str, Origin]]:
    """The tensors of a residual branch."""
    for index in range(depth):
        layer, their_layer = f"{ours}.dconv.layers.{index}", f"{theirs}.dconv.layers.{index}"
        for name, number in DCONV.items():
            yield from _same(f"{layer}.{name}", f"{their_layer}.{number}")
        yield f"{layer}.scale.gamma", Origin(f"{their_layer}.6.scale")


def _layer(ours: str, theirs: str, crosses: int) -> Iterator[tuple[str, Origin]]:
    """The tensors of one layer of the transformer."""
    attention = f"{theirs}.{'cross' if crosses else 'self'}_attn"
    for leaf in BOTH:
        for third, name in enumerate(("query", "key", "value")):
            yield f"{ours}.attention.{name}.{leaf}", Origin(f"{attention}.in_proj_{leaf}", third)
    yield from _same(f"{ours}.attention.out", f"{attention}.out_proj")
    norms = ["attention_norm", *["source_norm"] * crosses, "feedforward_norm"]
    for number, name in enumerate(norms, start=1):
        yield from _same(f"{ours}.{name}", f"{theirs}.norm{number}")
    for name, their_name in (("wide", "linear1"), ("narrow", "linear2"), ("norm", "norm_out")):
        yield from _same(f"{ours}.{name}", f"{theirs}.{their_name}")
    yield f"{ours}.attention_scale.gamma", Origin(f"{theirs}.gamma_1.scale")
    yield f"{ours}.feedforward_scale.gamma", Origin(f"{theirs}.gamma_2.scale")


def _part(state: Mapping[str, np.ndarray], place: Origin) -> np.ndarray:
    array = state[place.name]
    return array if place.third is None else np.split(array, 3)[place.third]


def _sorted(array: np.ndarray, place: Origin, order: Sequence[int]) -> np.ndarray:
    """The tensor with the targets' channels in another order."""
    if place.by_target is None:
        return array
    groups = np.split(array, len(order), place.by_target)
    return np.concatenate([groups[number] for number in order], place.by_target)


def _their_shapes(config: HTDemucs, origins: Mapping[str, Origin]) -> dict[str, tuple[int, ...]]:
    """The shapes of their tensors."""
    with needs("torch"):
        import torch  # noqa: F401
    from auralflow_torch.networks import HTDemucs as Network
    from auralflow_torch.networks.shapes import state_shapes

    shapes = state_shapes(lambda: Network(config)) or {}
    found = {}
    for ours, place in origins.items():
        rows, *rest = shapes[ours].shape
        found[place.name] = (rows if place.third is None else 3 * rows, *rest)
    return found
