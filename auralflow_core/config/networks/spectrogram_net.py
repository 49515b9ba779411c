"""Models that estimate masks for magnitude spectrograms."""

from typing import Annotated, ClassVar, Literal

from auralflow_core.config.base import Depth, Fraction, NonNegative, Positive, Width, check_widest, doc
from auralflow_core.config.stft import StftConfig

Activation = Literal["sigmoid", "softmax", "hardtanh", "relu", "softplus", "identity"]
Joiner = Literal["independent", "softmax", "ratio"]
HighBins = Literal["zeros", "last", "mean"]


class SpectrogramConfig(StftConfig):
    """A front end (STFT) around a network that maps magnitudes to masks."""

    FAMILY: ClassVar[str] = "spectrogram"

    num_bins: Annotated[Positive, doc("frequency bins, the lowest ones, that the network sees")] = 1024
    high_bins: Annotated[HighBins, doc("the mask of the bins above them", tensors=False)] = "zeros"
    joiner: Annotated[Joiner, doc("how the targets' masks are joined", tensors=False)] = "independent"

    def __post_init__(self):
        super().__post_init__()
        if self.num_bins > self.num_fft // 2 + 1:
            raise ValueError(f"num_bins ({self.num_bins}) must not exceed num_fft // 2 + 1 ({self.num_fft // 2 + 1})")
        if self.joiner != "independent" and len(self.targets) == 1:
            raise ValueError(f"joiner {self.joiner!r} runs over the targets and needs at least two of them")


class SpectrogramNetSimple(SpectrogramConfig):
    """U-Net over magnitude spectrograms."""

    hidden_channels: Annotated[
        Width, check_widest, doc("channels of the first level; doubled at every further one")
    ] = 16
    depth: Annotated[Depth, doc("levels above the bottleneck")] = 5
    mask_activation: Annotated[Activation, doc("function that makes masks of the last layer", tensors=False)] = (
        "sigmoid"
    )
    leak_factor: Annotated[NonNegative, doc("slope of the rectifiers below zero", tensors=False)] = 0.0
    dropout_p: Annotated[
        Fraction, doc("probability with which the decoder's channels are dropped in training", tensors=False)
    ] = 0.0
    normalize_input: Annotated[bool, doc("learn a shift and a scale for every bin of the input")] = False
    normalize_output: Annotated[bool, doc("the same before mask_activation")] = False

    def __post_init__(self):
        super().__post_init__()
        check_widest(self.hidden_channels, self.depth)
        if self.mask_activation == "softmax" and len(self.targets) == 1:
            raise ValueError("mask_activation 'softmax' runs over the targets and needs at least two of them")
        if self.mask_activation == "identity" and self.joiner != "softmax":
            raise ValueError("mask_activation 'identity' leaves masks without bounds and needs joiner 'softmax'")

    def sizes(self, samples: int) -> dict[str, int]:
        return {"num_frames": self.count_frames(samples)}

    @property
    def alignment(self) -> int:
        return self.hop_length * 2**self.depth


class SpectrogramNetLSTM(SpectrogramNetSimple):
    """U-Net with recurrent layers before the bottleneck."""

    recurrent_depth: Annotated[Depth, doc("stacked recurrent layers")] = 3
    hidden_size: Annotated[
        Width,
        check_widest,
        doc("requested features of each recurrent direction; at most the deepest level's channels are used"),
    ] = 1024
    input_axis: Annotated[Literal[0, 1], doc("0: bins are features, frames the sequence; 1: the other way round")] = 0

    @property
    def recurrent_size(self) -> int:
        """The features of each recurrent direction, and of the latent variable."""
        return min(self.hidden_size, self.hidden_channels * 2 ** (self.depth - 1))


class SpectrogramNetVAE(SpectrogramNetLSTM):
    """U-Net with a latent variable and recurrent layers before the bottleneck."""
