"""The settings that every model has, whatever its family."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Self

import msgspec
from msgspec import Meta

from auralflow_core.config.base import Group, Rate, doc
from auralflow_core.errors import brief

Channels = Annotated[int, Meta(ge=1, le=2)]
MOST_TARGETS = 64


class ModelConfig(Group, tag_field="model_type"):
    """The signal that goes in and the targets that come out. A subclass for each network has the network's name.

    Attributes:
        FAMILY: the kind of network, which decides what stands around it:
            "spectrogram": maps magnitudes (batch, channels, bins, frames) to masks (batch, targets, channels, bins,
            frames), between an STFT and its inverse; the struct extends SpectrogramConfig.
            "complex": maps complex spectra (batch, channels, 2, bins, frames), real part before imaginary part, to
            complex masks (batch, targets, channels, 2, bins, frames), between an STFT and its inverse; the struct
            extends ComplexSpectrogramConfig.
            "audio": maps mixtures (batch, channels, samples) to audio (batch, targets, channels, samples), and there
            is no spectrum; the struct extends WaveformConfig.
            "hybrid": the same, and estimates have the spectrum of that audio, too; the struct extends
            SpectrogramConfig.
        TRAINING: defaults of the training group that suit the network better.
        SEGMENTS: number of segments that separation hands to the network at once, except on a CPU, where one at a time
            is quickest and takes least memory.
    """

    FAMILY: ClassVar[str]
    TRAINING: ClassVar[dict[str, Any]] = {}
    SEGMENTS: ClassVar[int] = 4

    model_name: Annotated[str, doc("the folder's name, unless another is given", tensors=False)] = ""
    # Another number of targets does shape tensors, which are compared on their own.
    targets: Annotated[tuple[str, ...], doc("stems, or named sums of stems; kept sorted", tensors=False)] = ("vocals",)
    num_channels: Annotated[Channels, doc("1: each channel of a song is separated alone; 2: stereo")] = 1
    sample_rate: Annotated[Rate, doc("Hz", tensors=False)] = 44100
    residual_name: Annotated[str, doc("name of the rest of a mixture, without the targets", tensors=False)] = "residual"
    normalize_song: Annotated[
        bool, doc("separate each song with mean 0 and deviation 1, and undo it in the estimates", tensors=False)
    ] = False

    def __post_init__(self):
        super().__post_init__()
        if len(self.targets) > MOST_TARGETS:
            raise ValueError(f"targets names {len(self.targets)} targets; at most {MOST_TARGETS} are accepted")
        if not self.targets or "" in self.targets:
            raise ValueError("targets must name at least one target")
        if len(set(self.targets)) < len(self.targets):
            raise ValueError(f"targets names one twice: {brief(', '.join(self.targets))}")
        if not self.residual_name:
            raise ValueError("residual_name must be a name")
        msgspec.structs.force_setattr(self, "targets", tuple(sorted(self.targets)))

    def sizes(self, samples: int) -> dict[str, int]:
        """The arguments, in addition to this struct, that the network takes for crops of `samples` samples."""
        return {}

    def narrowed(self, targets: Sequence[int]) -> Self:
        """These settings for a model that need only estimate some targets, and so may leave parts of its network out.

        Args:
            targets: their indices. The estimates of the other targets then mean nothing.
        """
        return self

    @property
    def shortest_crop(self) -> int:
        """The fewest samples that the model can work on."""
        return 1

    @property
    def stft_sizes(self) -> tuple[int, int, int]:
        """Transform, hop and window, in samples, of spectra that suit the model."""
        return 4096, 1024, 4096

    @property
    def alignment(self) -> int:
        """The shift in samples after which the strides inside the network meet the same parts of a signal again."""
        return 1

    def branches(self) -> dict[str, "ModelConfig"]:
        """The models that are parts of this one and may have been trained alone: the part's name -> its settings."""
        return {}
