"""Models that see the waveform and its spectrogram."""

import math
from typing import Annotated, Any, ClassVar

from msgspec.structs import asdict

from auralflow_core.config.base import Depth, Positive, Width, check_widest, doc
from auralflow_core.config.model import ModelConfig
from auralflow_core.config.networks.audio_net import AudioNetSimpleLSTM
from auralflow_core.config.networks.spectrogram_net import SpectrogramNetLSTM


class HybridNet(SpectrogramNetLSTM):
    """AudioNetSimpleLSTM and SpectrogramNetLSTM, whose estimates are joined bin by bin.

    The settings that both have are shared; those of the waveform branch alone are named after it.
    """

    FAMILY: ClassVar[str] = "hybrid"
    TRAINING: ClassVar[dict[str, Any]] = AudioNetSimpleLSTM.TRAINING

    audio_channels: Annotated[
        Width, check_widest, doc("channels of the waveform branch's first level; doubled at every further one")
    ] = 32
    audio_depth: Annotated[Depth, doc("levels of the waveform branch")] = 5
    recurrent_group: Annotated[
        Positive, doc("steps of the waveform branch's deepest level that its recurrent layers see as one")
    ] = 4

    def __post_init__(self):
        super().__post_init__()
        check_widest(self.audio_channels, self.audio_depth)

    @property
    def alignment(self) -> int:
        return math.lcm(*(branch.alignment for branch in self.branches().values()))

    def branches(self) -> dict[str, ModelConfig]:
        return {"audio": self.audio_branch(), "spectrogram": self.spectrogram_branch()}

    def audio_branch(self) -> AudioNetSimpleLSTM:
        """The settings of the waveform branch."""
        shared = self._shared(AudioNetSimpleLSTM)
        return AudioNetSimpleLSTM(**{**shared, "hidden_channels": self.audio_channels, "depth": self.audio_depth})

    def spectrogram_branch(self) -> SpectrogramNetLSTM:
        """The settings of the spectrogram branch."""
        return SpectrogramNetLSTM(**self._shared(SpectrogramNetLSTM))

    def _shared(self, branch: type[ModelConfig]) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name in branch.__struct_fields__}
