"""A track and its files."""

import dataclasses
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Track:
    """A piece of music: a mixture and its stems, all of one rate and length."""

    name: str  # the folder's
    path: Path
    stems: dict[str, Path | None]  # sorted by name; None: what the other stems leave of the mixture
    mixture: Path | None  # None: the sum of the stems
    sample_rate: int  # Hz
    channels: int  # the largest number of any file
    samples: int
    lengths: dict[Path, int] = dataclasses.field(default_factory=dict)  # samples of files with another number of them

    @property
    def seconds(self) -> float:
        """The length in seconds."""
        return self.samples / self.sample_rate

    @property
    def dataset(self) -> Path:
        """The folder that holds the splits."""
        return self.path.parents[1]

    @property
    def label(self) -> str:
        """The split and the folder, `train/Some song`, as `dataset.exclude` names a track."""
        return f"{self.path.parent.name}/{self.path.name}"

    @property
    def files(self) -> dict[str, Path]:
        """The files by the names of their stems; the mixture's, if there is one, is the first."""
        mixture = {} if self.mixture is None else {"mixture": self.mixture}
        return mixture | {name: path for name, path in self.stems.items() if path is not None}
