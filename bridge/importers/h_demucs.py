"""Where the tensors of HDemucs stand under the names of demucs; for levels see `demucs_names`.

The deepest encoder and decoder of the waveform have a convolution alone there.

| there | ours |
|---|---|
| the last `tencoder`'s `conv` | `wave_join` |
| `tdecoder.0.conv_tr`, `.norm2` | `wave_split.up`, `.up_norm` |
"""

from collections.abc import Iterator

from auralflow_core.config import HDemucs
from bridge.importers.demucs_names import decoder, encoder
from bridge.importers.regrouped import Origin, same


def origins(config: HDemucs) -> Iterator[tuple[str, Origin]]:
    """All tensors of ours."""
    joint = config.joint
    for index, level in enumerate(config.levels):
        yield from encoder(f"encoder.{index}", f"encoder.{index}", level)
        yield from decoder(f"decoder.{index}", f"decoder.{config.depth - 1 - index}", level, index == 0)
        if index < joint:
            yield from encoder(f"wave_encoder.{index}", f"tencoder.{index}", level)
            yield from decoder(f"wave_decoder.{index}", f"tdecoder.{joint - index}", level, index == 0)
    yield from same("wave_join", f"tencoder.{joint}.conv")
    yield from same("wave_split.up", "tdecoder.0.conv_tr")
    if config.levels[joint].groups:
        yield from same("wave_split.up_norm", "tdecoder.0.norm2")
    if config.bin_embedding:
        yield "bin_embedding", Origin("freq_emb.embedding.weight")
