"""Settings of HDemucs."""

from typing import Annotated

from msgspec import Meta

from auralflow_core.config.base import Count, Depth, Positive, doc
from auralflow_core.config.networks.demucs import STRIDE, DemucsConfig, Level, Residuals

JOINED = 2 * STRIDE  # bins that become one
TAIL_STRIDE = 2  # of the levels behind that
HEADS = 4  # of the attention in residual branches


class HDemucs(DemucsConfig):
    """HDemucs: a U-Net over the spectrum's bins and one over the samples, which become one in their deep levels."""

    num_fft: Annotated[
        int,
        Meta(ge=64, le=2**31 - 1),
        doc("samples of one Fourier transform and its window, 16 times a power of four; a quarter is the hop"),
    ] = 4096
    depth: Annotated[
        Depth, doc("levels; they divide by four until the bins have become one, and steps by two from then on")
    ] = 6
    compression: Annotated[Positive, doc("ratio of a level's channels to those inside its residual branch")] = 4
    residuals: Residuals = "encoder"
    norm_level: Annotated[Count, doc("first level, counted from 0, with norms; none has from depth on")] = 4
    norm_groups: Annotated[Positive, doc("groups of channels that are normalised together")] = 4
    recurrent_level: Annotated[
        Count, doc("first level, counted from 0, whose residual branches have recurrent layers")
    ] = 4
    attention_level: Annotated[Count, doc("first level, counted from 0, whose residual branches have attention")] = 4

    def __post_init__(self):
        super().__post_init__()
        if self.num_fft != 2 * JOINED * STRIDE**self.joint:
            raise ValueError(
                f"num_fft ({self.num_fft}) must be {2 * JOINED} times a power of {STRIDE}, such as 1024 or 4096: each "
                f"level divides its bins by {STRIDE} until {JOINED} are left, which become one"
            )
        if self.depth <= self.joint:
            raise ValueError(
                f"depth ({self.depth}) must be at least {self.joint + 1} with num_fft {self.num_fft}, so that the bins "
                "become one"
            )
        for index, level in enumerate(self.levels):
            if level.groups and level.features % level.groups:
                raise ValueError(
                    f"norm_groups ({level.groups}) must divide the {level.features} channels of level {index}"
                )
            if level.attentive and (inside := level.features // level.compression) % HEADS:
                raise ValueError(
                    f"level {index} has {inside} channels inside its residual branches, expected a multiple of {HEADS} "
                    "for the attention there; change hidden_channels, compression or attention_level"
                )

    @property
    def joint(self) -> int:
        """The number of the level where bins become one and both U-Nets meet."""
        return max((self.num_fft // (2 * JOINED)).bit_length() - 1, 0) // 2

    def level(self, index: int) -> Level:
        return (
            super()
            .level(index)
            ._replace(
                stride=STRIDE if index <= self.joint else TAIL_STRIDE,
                joins=index == self.joint,
                groups=self.norm_groups if index >= self.norm_level else 0,
                recurrent=index >= self.recurrent_level,
                attentive=index >= self.attention_level,
            )
        )
