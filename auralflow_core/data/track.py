"""A track and its files."""

import dataclasses
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Track:
    """A piece of music: one audio file for each stem, all of one rate and length."""

    name: str  # the folder's
    path: Path
    stems: dict[str, Path]  # sorted by name
    mixture: Path | None  # None: the sum of the stems
    sample_rate: int  # Hz
    channels: int  # the largest number of any file
    samples: int

    @property
    def seconds(self) -> float:
        """The length in seconds."""
        return self.samples / self.sample_rate

    @property
    def dataset(self) -> Path:
        """The folder that holds the splits."""
        return self.path.parents[1]
