"""The whole configuration."""

import msgspec

from auralflow_core.config.model import ModelConfig
from auralflow_core.config.training import DatasetConfig, TrainingConfig, VisualizerConfig


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole configuration.

    Example:
        >>> from auralflow_core.config import SpectrogramNetSimple
        >>> config = Config(model=SpectrogramNetSimple(targets=("vocals", "drums")))
        >>> config.model.targets
        ('drums', 'vocals')
    """

    model: ModelConfig
    dataset: DatasetConfig = DatasetConfig()
    training: TrainingConfig = TrainingConfig()
    visualizer: VisualizerConfig = VisualizerConfig()

    def __post_init__(self):
        if self.crop_samples < self.model.shortest_crop:
            raise ValueError(
                f"sample_length ({self.dataset.sample_length} s, {self.crop_samples} samples) must hold "
                f"at least {self.model.shortest_crop} samples"
            )

    def __hash__(self) -> int:
        # The fields' own hashes would not do: `dataset.sources` is a dict.
        return hash(msgspec.json.encode(self, order="deterministic"))

    def to_dict(self) -> dict:
        """The settings as plain dicts, lists, strings and numbers; peft and others ask a model's `config` for them."""
        return msgspec.json.decode(msgspec.json.encode(self))  # as builtins alone, tuples would not become lists

    @property
    def crop_samples(self) -> int:
        """The length of a crop in samples."""
        return round(self.dataset.sample_length * self.model.sample_rate)
