"""Models that estimate waveforms from a waveform."""

from typing import Annotated, Any, ClassVar

from auralflow_core.config.base import Depth, Fraction, Positive, Width, check_widest, doc
from auralflow_core.config.model import ModelConfig


class WaveformConfig(ModelConfig):
    """A network from waveforms to waveforms, without a spectrum."""

    FAMILY: ClassVar[str] = "audio"
    TRAINING: ClassVar[dict[str, Any]] = {"loss_domain": "audio"}


class AudioNetSimple(WaveformConfig):
    """U-Net over the samples."""

    hidden_channels: Annotated[
        Width, check_widest, doc("channels of the first level; doubled at every further one")
    ] = 32
    depth: Annotated[Depth, doc("levels, each of which divides the samples by four")] = 5
    dropout_p: Annotated[
        Fraction, doc("probability with which the decoder's channels are dropped in training", tensors=False)
    ] = 0.0

    def __post_init__(self):
        super().__post_init__()
        check_widest(self.hidden_channels, self.depth)

    @property
    def alignment(self) -> int:
        return 4**self.depth


class AudioNetSimpleLSTM(AudioNetSimple):
    """U-Net over the samples with recurrent layers before the bottleneck."""

    recurrent_depth: Annotated[Depth, doc("stacked recurrent layers")] = 3
    hidden_size: Annotated[
        Width,
        check_widest,
        doc("requested features of each recurrent direction; at most the deepest level's channels are used"),
    ] = 1024
    recurrent_group: Annotated[Positive, doc("steps of the deepest level that the recurrent layers see as one")] = 4

    @property
    def alignment(self) -> int:
        return super().alignment * self.recurrent_group

    @property
    def recurrent_size(self) -> int:
        """The features of each recurrent direction, and of the latent variable."""
        return min(self.hidden_size, self.hidden_channels * 2 ** (self.depth - 1))


class AudioNetVAE(AudioNetSimpleLSTM):
    """U-Net over the samples with a latent variable and recurrent layers before the bottleneck."""
