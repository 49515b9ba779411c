"""What every model has, whatever its family."""

from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from auralflow_core.config.base import Group, Positive

Channels = Annotated[int, Meta(ge=1, le=2)]


class ModelConfig(Group, tag_field="model_type"):
    """What the weights mean: the signal that goes in, the targets that come out."""

    TRAINING: ClassVar[dict[str, Any]] = {}  # defaults of the training group that suit the family better

    model_name: str = ""  # the folder's name, unless another is given
    targets: tuple[str, ...] = ("vocals",)  # stems, or named sums of stems; kept sorted
    num_channels: Channels = 1  # 1: each channel of a song on its own; 2: stereo
    sample_rate: Positive = 44100  # Hz

    def __post_init__(self):
        if not self.targets or "" in self.targets:
            raise ValueError("targets must name at least one target")
        if len(set(self.targets)) < len(self.targets):
            raise ValueError(f"targets names one twice: {', '.join(self.targets)}")
        msgspec.structs.force_setattr(self, "targets", tuple(sorted(self.targets)))

    def sizes(self, samples: int) -> dict[str, int]:
        """What a network's weights may depend on beside the settings, for crops of `samples` samples."""
        return {"num_targets": len(self.targets)}

    @property
    def shortest_crop(self) -> int:
        """The fewest samples that the model can work on."""
        return 1

    @property
    def stft_sizes(self) -> tuple[int, int, int]:
        """Transform, hop and window of spectra that suit the model, in samples."""
        return 4096, 1024, 4096

    @property
    def alignment(self) -> int:
        """Samples by which a signal can move so that strides inside the network still meet the same places of it."""
        return 1

    def branches(self) -> dict[str, "ModelConfig"]:
        """The models that are parts of this one and may have been trained on their own, by the parts' names."""
        return {}
