"""Where the tensors of HTDemucs stand under the names of demucs; for levels see `demucs_names`.

`n` counts layers of the transformer. Each name stands for the spectrum's branch; that of the waveform ends in `_t`
there and begins with `wave_` here.

| there | ours |
|---|---|
| `channel_upsampler`, `channel_downsampler` | `widen`, `narrow` |
| `crosstransformer.norm_in`, `.layers.n` | `transformer.norm`, `.layers.n` |
| `self_attn` or `cross_attn.in_proj_weight`, a third of its rows each | `attention.query`, `.key`, `.value` |
| `self_attn` or `cross_attn.out_proj` | `attention.out` |
| `norm1`; `norm2` of a layer that looks at the other branch | `attention_norm`, `source_norm` |
| the next norm; `norm_out` | `feedforward_norm`, `norm` |
| `linear1`, `linear2` | `wide`, `narrow` |
| `gamma_1.scale`, `gamma_2.scale` | `attention_scale.gamma`, `feedforward_scale.gamma` |
"""

from collections.abc import Iterator

from auralflow_core.config import HTDemucs
from bridge.importers.demucs_names import BOTH, decoder, encoder
from bridge.importers.regrouped import Origin, same


def origins(config: HTDemucs) -> Iterator[tuple[str, Origin]]:
    """All tensors of ours; thirds follow each other."""
    for index, level in enumerate(config.levels):
        theirs = config.depth - 1 - index
        for wave, t in (("", ""), ("wave_", "t")):
            yield from encoder(f"{wave}encoder.{index}", f"{t}encoder.{index}", level)
            yield from decoder(f"{wave}decoder.{index}", f"{t}decoder.{theirs}", level, index == 0)
    if config.bin_embedding:
        yield "bin_embedding", Origin("freq_emb.embedding.weight")
    for wave, t in (("", ""), ("wave_", "_t")):
        if config.width:
            yield from same(f"{wave}widen", f"channel_upsampler{t}")
            yield from same(f"{wave}narrow", f"channel_downsampler{t}")
        yield from same(f"transformer.{wave}norm", f"crosstransformer.norm_in{t}")
        for index in range(config.num_layers):
            yield from _layer(f"transformer.{wave}layers.{index}", f"crosstransformer.layers{t}.{index}", index % 2)


def _layer(ours: str, theirs: str, crosses: int) -> Iterator[tuple[str, Origin]]:
    """The tensors of one layer of the transformer."""
    attention = f"{theirs}.{'cross' if crosses else 'self'}_attn"
    for leaf in BOTH:
        for third, name in enumerate(("query", "key", "value")):
            yield f"{ours}.attention.{name}.{leaf}", Origin(f"{attention}.in_proj_{leaf}", third=third)
    yield from same(f"{ours}.attention.out", f"{attention}.out_proj")
    norms = ["attention_norm", *["source_norm"] * crosses, "feedforward_norm"]
    for number, name in enumerate(norms, start=1):
        yield from same(f"{ours}.{name}", f"{theirs}.norm{number}")
    for name, their_name in (("wide", "linear1"), ("narrow", "linear2"), ("norm", "norm_out")):
        yield from same(f"{ours}.{name}", f"{theirs}.{their_name}")
    yield f"{ours}.attention_scale.gamma", Origin(f"{theirs}.gamma_1.scale")
    yield f"{ours}.feedforward_scale.gamma", Origin(f"{theirs}.gamma_2.scale")
