"""The tensors of TFC-TDF (MDX23C) under the names of Music-Source-Separation-Training, and back.

`i` counts levels, `j` blocks. Decoders count from the deepest level there, from the first one here.

| there | ours |
|---|---|
| `first_conv`, `final_conv.0`, `.2` | `first`, `last.0`, `last.1` |
| `encoder_blocks.i.tfc_tdf.blocks.j`, `.downscale.conv.0`, `.2` | `encoder.i.blocks.j`, `.norm`, `.down` |
| `bottleneck_block.blocks.j` | `middle.j` |
| `decoder_blocks.i.upscale.conv.0`, `.2`, `.tfc_tdf.blocks.j` | `decoder.i.norm`, `.up`, `.blocks.j` |
| `shortcut` of a block | `shortcut` |
| `tfc1.0`, `.2`, `tfc2.0`, `.2` of a block | `enter_norm`, `enter`, `leave_norm`, `leave` |
| `tdf.0`, `.2`, `.3`, `.5` of a block | `squeeze_norm`, `squeeze`, `expand_norm`, `expand` |
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from auralflow_core.config import TFCTDF
from bridge.importers.regrouped import Origin, from_theirs, same, to_theirs
from bridge.importers.rename import State

NORMS = {"enter_norm": "tfc1.0", "squeeze_norm": "tdf.0", "expand_norm": "tdf.3", "leave_norm": "tfc2.0"}
LAYERS = {"shortcut": "shortcut", "enter": "tfc1.2", "squeeze": "tdf.2", "expand": "tdf.5", "leave": "tfc2.2"}


def from_msst(
    state: Mapping[str, np.ndarray],
    config: TFCTDF,
    instruments: Sequence[str] | None = None,
    origin: str = "state dict",
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


def to_msst(state: Mapping[str, np.ndarray], config: TFCTDF, instruments: Sequence[str] | None = None) -> State:
    """The inverse of `from_msst`.

    Args:
        state: of our torch network.
        config: the network's settings.
        instruments: the targets in their order; default: ours, which is sorted.

    Raises:
        InputError: instruments that are not the targets.
    """
    return to_theirs(state, config, dict(_origins(config)), instruments, "instruments", "to_msst")


def _origins(config: TFCTDF) -> Iterator[tuple[str, Origin]]:
    """All tensors of ours."""
    yield "first.weight", Origin("first_conv.weight")
    for level in range(config.depth):
        encoder, decoder = f"encoder_blocks.{level}", f"decoder_blocks.{config.depth - 1 - level}"
        for ours, theirs, layer, name in (
            (f"encoder.{level}", encoder, "down", "downscale"),
            (f"decoder.{level}", decoder, "up", "upscale"),
        ):
            yield from same(f"{ours}.norm", f"{theirs}.{name}.conv.0")
            yield f"{ours}.{layer}.weight", Origin(f"{theirs}.{name}.conv.2.weight")
            yield from _blocks(f"{ours}.blocks", f"{theirs}.tfc_tdf.blocks", config.num_blocks)
    yield from _blocks("middle", "bottleneck_block.blocks", config.num_blocks)
    yield "last.0.weight", Origin("final_conv.0.weight")
    yield "last.1.weight", Origin("final_conv.2.weight", 0)


def _blocks(ours: str, theirs: str, count: int) -> Iterator[tuple[str, Origin]]:
    """The tensors of the blocks of a level."""
    for index in range(count):
        for our_name, their_name in NORMS.items():
            yield from same(f"{ours}.{index}.{our_name}", f"{theirs}.{index}.{their_name}")
        for our_name, their_name in LAYERS.items():
            yield f"{ours}.{index}.{our_name}.weight", Origin(f"{theirs}.{index}.{their_name}.weight")
