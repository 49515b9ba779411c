"""The tensors of SCNet under the names of Music-Source-Separation-Training, and back.

`i` counts levels, `b` bands, `m` residual layers, `n` pairs of LSTMs; `a` is 0 for the bins and 1 for the frames.
Decoders count from the deepest level there, from the first one here.

| there | ours |
|---|---|
| `encoder.i.SDlayer.convs.b` | `encoder.i.down.layers.b` |
| `encoder.i.conv_modules.b.layers.m.0`, `.1`, `.3`, `.4`, `.6` | `encoder.i.branch.b.m.norm`, `.squeeze`, `.inner`, \
`.inner_norm`, `.expand` |
| `encoder.i.globalconv` | `encoder.i.conv` |
| `separation_net.dp_modules.n.norm_layers.a` | `path.(2n + a).norm` |
| `lstm_layers.a`, `linear_layers.a` there | `recurrent.lstm`, `recurrent.linear` there |
| `decoder.i.0.conv`, `decoder.i.1.convtrs.b` | `decoder.i.gate`, `decoder.i.up.layers.b` |
| `pos_embed_f` | `bin_embedding` |
| `mask_layer.0`, `.2` | `mask.0`, `.1` |
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from auralflow_core.config import SCNet
from bridge.importers.regrouped import Origin, from_theirs, same, to_theirs
from bridge.importers.rename import State

RESIDUAL = {"norm": "0", "squeeze": "1", "inner": "3", "inner_norm": "4", "expand": "6"}
LSTM = tuple(f"{kind}_l0{way}" for way in ("", "_reverse") for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))


def from_msst(
    state: Mapping[str, np.ndarray], config: SCNet, instruments: Sequence[str] | None = None, origin: str = "state dict"
) -> State:
    """The state dict of our torch network, from one of Music-Source-Separation-Training.

    Args:
        state: their names and arrays, of any floating point type, which is kept.
        config: the network's settings.
        instruments: the targets in their order; default: ours, which is sorted.
        origin: where the tensors come from, for messages.

    Raises:
        InputError: a tensor is missing, left over or of another shape, or instruments that are not the targets.
        MissingPackage: torch, which knows the network's shapes, is not installed.
    """
    return from_theirs(state, config, dict(_origins(config)), instruments, "instruments", origin)


def to_msst(state: Mapping[str, np.ndarray], config: SCNet, instruments: Sequence[str] | None = None) -> State:
    """The inverse of `from_msst`.

    Args:
        state: of our torch network.
        config: the network's settings.
        instruments: the targets in their order; default: ours, which is sorted.

    Raises:
        InputError: instruments that are not the targets.
    """
    return to_theirs(state, config, dict(_origins(config)), instruments, "instruments", "to_msst")


def _origins(config: SCNet) -> Iterator[tuple[str, Origin]]:
    """All tensors of ours."""
    depth, bands = len(config.level_channels), len(config.band_shares)
    for level in range(depth):
        encoder, decoder = f"encoder.{level}", f"decoder.{depth - 1 - level}"
        for band in range(bands):
            yield from same(f"{encoder}.down.layers.{band}", f"{encoder}.SDlayer.convs.{band}")
            for index in range(config.band_depths[band]):
                for ours, theirs in RESIDUAL.items():
                    layer = f"{encoder}.conv_modules.{band}.layers.{index}.{theirs}"
                    yield from same(f"{encoder}.branch.{band}.{index}.{ours}", layer)
            ours, theirs = f"decoder.{level}.up.layers.{band}", f"{decoder}.1.convtrs.{band}"
            yield f"{ours}.weight", Origin(f"{theirs}.weight", None if level else 1)
            yield f"{ours}.bias", Origin(f"{theirs}.bias", None if level else 0)
        yield from same(f"{encoder}.conv", f"{encoder}.globalconv")
        yield from same(f"decoder.{level}.gate", f"{decoder}.0.conv")
    for layer in range(config.num_layers):
        for axis in (0, 1):
            ours, theirs = f"path.{2 * layer + axis}", f"separation_net.dp_modules.{layer}"
            yield from same(f"{ours}.norm", f"{theirs}.norm_layers.{axis}")
            yield from same(f"{ours}.recurrent.linear", f"{theirs}.linear_layers.{axis}")
            for leaf in LSTM:
                yield f"{ours}.recurrent.lstm.{leaf}", Origin(f"{theirs}.lstm_layers.{axis}.{leaf}")
    if config.masks:
        yield "bin_embedding", Origin("pos_embed_f", shape=(1, 2 * config.num_channels, config.num_fft // 2 + 1, 1))
        yield "mask.0.weight", Origin("mask_layer.0.weight", 1)
        yield "mask.0.bias", Origin("mask_layer.0.bias")
        yield "mask.1.weight", Origin("mask_layer.2.weight", 0)
        yield "mask.1.bias", Origin("mask_layer.2.bias", 0)
