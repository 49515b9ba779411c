"""Settings of TFC-TDF."""

from typing import Annotated, Any, ClassVar

from auralflow_core.config.base import Count, Depth, Positive, Width, doc
from auralflow_core.config.complex_spectrogram import ComplexSpectrogramConfig, Output
from auralflow_core.config.model import Channels


class TFCTDF(ComplexSpectrogramConfig):
    """TFC-TDF, third version (MDX23C): a U-Net of sub-bands with linear layers over all bins at every level."""

    OUTPUT: ClassVar[Output] = "spectrum"
    TRAINING: ClassVar[dict[str, Any]] = {"loss_domain": "audio", "lr": 1e-4}
    SEGMENTS: ClassVar[int] = 1

    num_channels: Channels = 2
    num_fft: Positive = 8192
    window_size: Positive = 8192
    hop_length: Positive = 1024
    zero_dc: bool = False
    num_bins: Annotated[Positive, doc("lowest bins that the network sees; above them estimates are empty")] = 4096
    num_subbands: Annotated[Positive, doc("parts into which the bins are divided; each becomes channels")] = 4
    depth: Annotated[Depth, doc("levels, each of which divides bins and frames")] = 5
    bin_stride: Annotated[Positive, doc("number by which a level divides the bins")] = 2
    frame_stride: Annotated[Positive, doc("number by which a level divides the frames")] = 2
    num_blocks: Annotated[Positive, doc("blocks of convolutions and linear layers at each level, down and up")] = 2
    hidden_channels: Annotated[Width, doc("channels of the first level")] = 128
    growth: Annotated[Count, doc("channels by which each level has more than the one before it")] = 128
    compression: Annotated[Positive, doc("ratio of the bins to the features of the linear layers between them")] = 4

    def __post_init__(self):
        super().__post_init__()
        if self.num_bins > self.num_fft // 2 + 1:
            raise ValueError(f"num_bins ({self.num_bins}) must not exceed those of num_fft, {self.num_fft // 2 + 1}")
        if self.num_bins % (step := self.num_subbands * self.bin_stride**self.depth):
            raise ValueError(
                f"num_bins ({self.num_bins}) must be a multiple of {step}: {self.num_subbands} sub-bands, divided by "
                f"{self.bin_stride} at each of {self.depth} levels"
            )
        deepest = self.num_bins // step
        if deepest < self.compression:
            raise ValueError(
                f"num_bins ({self.num_bins}) leaves {deepest} at the deepest level, fewer than compression "
                f"({self.compression})"
            )
        if self.hidden_channels + self.growth * self.depth > 2**16:
            raise ValueError(f"growth ({self.growth}) makes more than 65536 channels at {self.depth} levels")

    @property
    def frame_multiple(self) -> int:
        """The number of which the frames must be a multiple, so that every level can divide them."""
        return self.frame_stride**self.depth

    def count_hops(self, samples: int) -> int:
        """The number of hops with which the frames are a `frame_multiple`."""
        frames = 1 + super().count_hops(samples)
        return -(-frames // self.frame_multiple) * self.frame_multiple - 1

    @property
    def alignment(self) -> int:
        return self.hop_length * self.frame_multiple
