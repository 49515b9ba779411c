"""Settings that the networks of demucs share."""

import math
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from auralflow_core.config.base import Depth, NonNegative, Positive, Width, check_widest, doc
from auralflow_core.config.model import Channels
from auralflow_core.config.networks.audio_net import WaveformConfig

STRIDE = 4  # of a level, in bins or samples

Residuals = Literal["encoder", "both"]


class Level(NamedTuple):
    """One level of a U-Net: an encoder and a decoder.

    Attributes:
        features: channels between both.
        residual_depth: dilated convolutions of the encoder's residual branch.
        decoder_depth: of the decoder's; 0: it has no such branch.
        compression: ratio of the channels to those inside these branches.
        stride: by which bins or steps are divided.
        joins: the encoder turns all bins that are left, two strides of them, into one; the decoder does the opposite.
        groups: of the norms behind the convolutions; 0: there are none.
        recurrent: residual branches have recurrent layers.
        attentive: residual branches have attention.
    """

    features: int
    residual_depth: int
    decoder_depth: int
    compression: int
    stride: int = STRIDE
    joins: bool = False
    groups: int = 0
    recurrent: bool = False
    attentive: bool = False


class DemucsConfig(WaveformConfig):
    """Two U-Nets, over the spectrum's bins and over the samples."""

    TRAINING: ClassVar[dict[str, Any]] = {"loss_domain": "audio", "lr": 3e-4}
    SEGMENTS: ClassVar[int] = 1

    targets: tuple[str, ...] = ("bass", "drums", "other", "vocals")
    num_channels: Channels = 2
    num_fft: Annotated[Positive, doc("samples of one Fourier transform and its window; a quarter is the hop")] = 4096
    hidden_channels: Annotated[
        Width, check_widest, doc("channels of the first level; doubled at every further one")
    ] = 48
    depth: Annotated[Depth, doc("levels, each of which divides bins and samples by four")] = 4
    residual_depth: Annotated[Positive, doc("dilated convolutions of each residual branch")] = 2
    compression: Annotated[Positive, doc("ratio of a level's channels to those inside its residual branch")] = 8
    residuals: Annotated[Residuals, doc("levels with a residual branch: the encoders', or the decoders', too")] = "both"
    bin_embedding: Annotated[
        NonNegative, doc("weight of a table that tells the bins of the first level apart; 0: no table")
    ] = 0.2

    def __post_init__(self):
        super().__post_init__()
        check_widest(self.hidden_channels, self.depth)
        if self.compression > self.hidden_channels:
            raise ValueError(
                f"compression ({self.compression}) must not exceed hidden_channels ({self.hidden_channels})"
            )

    def level(self, index: int) -> Level:
        """The level of a number, counted from 0."""
        features = self.hidden_channels * 2**index
        decoder_depth = self.residual_depth if self.residuals == "both" else 0
        return Level(features, self.residual_depth, decoder_depth, self.compression)

    @property
    def levels(self) -> tuple[Level, ...]:
        """All levels, the first one at input and output."""
        return tuple(self.level(index) for index in range(self.depth))

    @property
    def first_bins(self) -> int:
        """The number of bins after the first level."""
        return self.num_fft // 2 // STRIDE

    @property
    def stft_sizes(self) -> tuple[int, int, int]:
        return self.num_fft, self.num_fft // 4, self.num_fft

    @property
    def alignment(self) -> int:
        return math.lcm(self.num_fft // 4, math.prod(level.stride for level in self.levels))
