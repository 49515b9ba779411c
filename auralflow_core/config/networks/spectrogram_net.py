"""Models that estimate masks for magnitude spectrograms."""

from typing import Literal

from auralflow_core.config.base import Fraction, NonNegative, Positive
from auralflow_core.config.model import ModelConfig

Activation = Literal["sigmoid", "softmax", "hardtanh", "relu", "softplus", "identity"]
Padding = Literal["reflect", "constant"]
Joiner = Literal["independent", "softmax", "ratio"]


class SpectrogramConfig(ModelConfig):
    """A front end (STFT) around a network that maps magnitudes to masks."""

    num_fft: Positive = 2048  # samples; even
    window_size: Positive = 2048  # samples
    hop_length: Positive = 768  # samples
    padding: Padding = "reflect"  # of the signal's ends, before the STFT
    num_bins: Positive = 1024  # the lowest bins, which the network sees
    high_bins: Literal["zeros", "last", "mean"] = "zeros"  # the mask above them
    joiner: Joiner = "independent"  # how the targets' masks meet

    def __post_init__(self):
        super().__post_init__()
        if self.num_fft % 2:
            raise ValueError(f"num_fft ({self.num_fft}) must be even, so that frames have a middle")
        if self.window_size > self.num_fft:
            raise ValueError(f"window_size ({self.window_size}) must not exceed num_fft ({self.num_fft})")
        if 4 * self.hop_length > 3 * self.window_size:
            raise ValueError(
                f"hop_length ({self.hop_length}) must not exceed three quarters of window_size "
                f"({self.window_size}): with less overlap the STFT cannot be inverted"
            )
        if self.num_bins > self.num_fft // 2 + 1:
            raise ValueError(f"num_bins ({self.num_bins}) must not exceed num_fft // 2 + 1 ({self.num_fft // 2 + 1})")
        if self.joiner != "independent" and len(self.targets) == 1:
            raise ValueError(f"joiner {self.joiner!r} runs over the targets and needs at least two of them")

    def count_frames(self, samples: int) -> int:
        """The frames of a signal of `samples` samples, which is padded to a whole number of hops."""
        return 1 + -(-samples // self.hop_length)

    @property
    def shortest_crop(self) -> int:
        return self.window_size

    @property
    def stft_sizes(self) -> tuple[int, int, int]:
        return self.num_fft, self.hop_length, self.window_size

    @property
    def alignment(self) -> int:
        return self.hop_length

    def sizes(self, samples: int) -> dict[str, int]:
        return super().sizes(samples) | {"num_frames": self.count_frames(samples)}


class SpectrogramNetSimple(SpectrogramConfig, tag="SpectrogramNetSimple"):
    """U-Net over magnitude spectrograms."""

    hidden_channels: Positive = 16  # of the first level; doubled at every further one
    depth: Positive = 5  # levels above the bottleneck
    mask_activation: Activation = "sigmoid"
    leak_factor: NonNegative = 0.0  # slope of the rectifiers below zero
    dropout_p: Fraction = 0.0
    normalize_input: bool = False  # learn a shift and a scale for every bin of the input
    normalize_output: bool = False  # the same before the mask's activation

    def __post_init__(self):
        super().__post_init__()
        if self.mask_activation == "softmax" and len(self.targets) == 1:
            raise ValueError("mask_activation 'softmax' runs over the targets and needs at least two of them")
        if self.mask_activation == "identity" and self.joiner != "softmax":
            raise ValueError("mask_activation 'identity' leaves masks without bounds and needs joiner 'softmax'")

    @property
    def alignment(self) -> int:
        return self.hop_length * 2**self.depth


class SpectrogramNetLSTM(SpectrogramNetSimple, tag="SpectrogramNetLSTM"):
    """U-Net with recurrent layers before the bottleneck."""

    recurrent_depth: Positive = 3  # stacked layers
    hidden_size: Positive = 1024  # requested; at most the deepest level's channels are used
    input_axis: Literal[0, 1] = 0  # 0: bins are features, frames the sequence; 1: the other way round


class SpectrogramNetVAE(SpectrogramNetLSTM, tag="SpectrogramNetVAE"):
    """U-Net with a latent variable and recurrent layers before the bottleneck."""
