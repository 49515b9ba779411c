"""Models that look at the waveform and at its spectrogram."""

import math
from typing import Any, ClassVar

from msgspec.structs import asdict

from auralflow_core.config.base import Positive
from auralflow_core.config.model import ModelConfig
from auralflow_core.config.networks.audio_net import AudioNetSimpleLSTM
from auralflow_core.config.networks.spectrogram_net import SpectrogramNetLSTM


class HybridNet(SpectrogramNetLSTM, tag="HybridNet"):
    """AudioNetSimpleLSTM and SpectrogramNetLSTM, whose estimates are joined bin by bin.

    The settings that both have are shared; those that the waveform branch has of its own are named after it.
    """

    TRAINING: ClassVar[dict[str, Any]] = AudioNetSimpleLSTM.TRAINING

    audio_channels: Positive = 32  # of the waveform branch's first level; doubled at every further one
    audio_depth: Positive = 5  # levels of the waveform branch
    recurrent_group: Positive = 4  # steps of its deepest level that the recurrent layers see as one

    @property
    def alignment(self) -> int:
        return math.lcm(*(branch.alignment for branch in self.branches().values()))

    def branches(self) -> dict[str, ModelConfig]:
        settings = asdict(self)

        def branch(kind: type[ModelConfig], **own):
            return kind(**{name: settings[name] for name in kind.__struct_fields__} | own)

        return {
            "audio": branch(AudioNetSimpleLSTM, hidden_channels=self.audio_channels, depth=self.audio_depth),
            "spectrogram": branch(SpectrogramNetLSTM),
        }
