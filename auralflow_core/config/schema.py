"""The whole configuration, and the models there are."""

from typing import get_args

import msgspec

from auralflow_core.config.model import ModelConfig
from auralflow_core.config.networks.audio_net import AudioNetSimple, AudioNetSimpleLSTM, AudioNetVAE
from auralflow_core.config.networks.hybrid_net import HybridNet
from auralflow_core.config.networks.open_unmix import OpenUnmix
from auralflow_core.config.networks.spectrogram_net import SpectrogramNetLSTM, SpectrogramNetSimple, SpectrogramNetVAE
from auralflow_core.config.networks.spleeter import SpleeterNet
from auralflow_core.config.training import DatasetConfig, TrainingConfig, VisualizerConfig

Model = (
    SpectrogramNetSimple
    | SpectrogramNetLSTM
    | SpectrogramNetVAE
    | AudioNetSimple
    | AudioNetSimpleLSTM
    | AudioNetVAE
    | HybridNet
    | SpleeterNet
    | OpenUnmix
)
MODELS: dict[str, type[ModelConfig]] = {struct.__struct_config__.tag: struct for struct in get_args(Model)}


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole configuration.

    Example:
        >>> config = Config(model=SpectrogramNetSimple(targets=("vocals", "drums")))
        >>> config.model.targets
        ('drums', 'vocals')
    """

    model: Model
    dataset: DatasetConfig = DatasetConfig()
    training: TrainingConfig = TrainingConfig()
    visualizer: VisualizerConfig = VisualizerConfig()

    def __post_init__(self):
        if self.crop_samples < self.model.shortest_crop:
            raise ValueError(
                f"sample_length ({self.dataset.sample_length} s, {self.crop_samples} samples) must hold "
                f"at least {self.model.shortest_crop} samples"
            )

    @property
    def crop_samples(self) -> int:
        """The length of a crop in samples."""
        return round(self.dataset.sample_length * self.model.sample_rate)
