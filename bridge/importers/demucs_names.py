"""Where the tensors of both kinds of Demucs stand under the names of demucs.

`i` counts levels, `d` layers of a residual branch. Decoders count from the deepest level there, from the first one
here. Each name stands for the spectrum's branch; that of the waveform begins with `t` there and with `wave_` here.

| there | ours |
|---|---|
| `encoder.i.conv`, `.rewrite` | `encoder.i.conv`, `.gate` |
| `encoder.i.norm1`, `.norm2` | `encoder.i.conv_norm`, `.gate_norm` |
| `decoder.i.rewrite`, `.conv_tr` | `decoder.i.gate`, `.up` |
| `decoder.i.norm1`, `.norm2` | `decoder.i.gate_norm`, `.up_norm` |
| `dconv.layers.d.0`, `.1` of both | `dconv.layers.d.squeeze`, `.squeeze_norm` |
| the next one, if it has an `lstm` | `dconv.layers.d.recurrent` |
| the next one, if it has a `query` | `dconv.layers.d.attention` |
| `content`, `query_decay`, `proj` of that | `value`, `decay`, `out` |
| the next, the one behind it | `dconv.layers.d.expand`, `.expand_norm` |
| the `scale` of the one that has it | `dconv.layers.d.scale.gamma` |
| `freq_emb.embedding.weight` | `bin_embedding` |
"""

from collections.abc import Iterator

from auralflow_core.config.networks.demucs import Level
from bridge.importers.regrouped import Origin, same

BOTH = ("weight", "bias")
LSTM = [
    f"{kind}_{part}_l{layer}{back}"
    for layer in range(2)
    for back in ("", "_reverse")
    for kind in ("weight", "bias")
    for part in ("ih", "hh")
]
ATTENTION = {"query": "query", "key": "key", "value": "content", "decay": "query_decay", "out": "proj"}


def encoder(ours: str, theirs: str, level: Level) -> Iterator[tuple[str, Origin]]:
    """The tensors of an encoder."""
    yield from same(f"{ours}.conv", f"{theirs}.conv")
    yield from same(f"{ours}.gate", f"{theirs}.rewrite")
    yield from dconv(ours, theirs, level, level.residual_depth)
    if level.groups:
        yield from same(f"{ours}.conv_norm", f"{theirs}.norm1")
        yield from same(f"{ours}.gate_norm", f"{theirs}.norm2")


def decoder(ours: str, theirs: str, level: Level, last: bool) -> Iterator[tuple[str, Origin]]:
    """The tensors of a decoder; those of the last one are divided by the targets."""
    yield from same(f"{ours}.gate", f"{theirs}.rewrite")
    yield from dconv(ours, theirs, level, level.decoder_depth)
    for leaf, axis in (("weight", 1), ("bias", 0)):
        yield f"{ours}.up.{leaf}", Origin(f"{theirs}.conv_tr.{leaf}", by_target=axis if last else None)
    if level.groups:
        yield from same(f"{ours}.gate_norm", f"{theirs}.norm1")
        for leaf in BOTH:
            yield f"{ours}.up_norm.{leaf}", Origin(f"{theirs}.norm2.{leaf}", by_target=0 if last else None)


def dconv(ours: str, theirs: str, level: Level, depth: int) -> Iterator[tuple[str, Origin]]:
    """The tensors of a residual branch."""
    for index in range(depth):
        layer, their_layer = f"{ours}.dconv.layers.{index}", f"{theirs}.dconv.layers.{index}"
        yield from same(f"{layer}.squeeze", f"{their_layer}.0")
        yield from same(f"{layer}.squeeze_norm", f"{their_layer}.1")
        number = 3
        if level.recurrent:
            for leaf in LSTM:
                yield f"{layer}.recurrent.lstm.{leaf}", Origin(f"{their_layer}.{number}.lstm.{leaf}")
            yield from same(f"{layer}.recurrent.linear", f"{their_layer}.{number}.linear")
            number += 1
        if level.attentive:
            for name, their_name in ATTENTION.items():
                yield from same(f"{layer}.attention.{name}", f"{their_layer}.{number}.{their_name}")
            number += 1
        yield from same(f"{layer}.expand", f"{their_layer}.{number}")
        yield from same(f"{layer}.expand_norm", f"{their_layer}.{number + 1}")
        yield f"{layer}.scale.gamma", Origin(f"{their_layer}.{number + 3}.scale")
