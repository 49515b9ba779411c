"""Models that estimate waveforms of a waveform."""

from typing import Any, ClassVar

from auralflow_core.config.base import Fraction, Positive
from auralflow_core.config.model import ModelConfig


class WaveformConfig(ModelConfig):
    """A network from waveforms to waveforms, without a spectrum."""

    TRAINING: ClassVar[dict[str, Any]] = {"loss_domain": "audio"}


class AudioNetSimple(WaveformConfig, tag="AudioNetSimple"):
    """U-Net over the samples."""

    hidden_channels: Positive = 32  # of the first level; doubled at every further one
    depth: Positive = 5  # levels, each of which divides the samples by four
    dropout_p: Fraction = 0.0

    @property
    def alignment(self) -> int:
        return 4**self.depth


class AudioNetSimpleLSTM(AudioNetSimple, tag="AudioNetSimpleLSTM"):
    """U-Net over the samples with recurrent layers before the bottleneck."""

    recurrent_depth: Positive = 3  # stacked layers
    hidden_size: Positive = 1024  # requested; at most the deepest level's channels are used
    recurrent_group: Positive = 4  # steps of the deepest level that the recurrent layers see as one

    @property
    def alignment(self) -> int:
        return super().alignment * self.recurrent_group


class AudioNetVAE(AudioNetSimpleLSTM, tag="AudioNetVAE"):
    """U-Net over the samples with a latent variable and recurrent layers before the bottleneck."""
