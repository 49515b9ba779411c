"""A song and its files."""

import dataclasses
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Track:
    """A song: one audio file for each stem, all of one rate and length."""

    name: str  # the folder's
    path: Path
    stems: dict[str, Path]  # sorted by name
    mixture: Path | None  # None: the sum of the stems
    sample_rate: int  # Hz
    channels: int  # of the file that has most
    samples: int

    @property
    def seconds(self) -> float:
        """The duration."""
        return self.samples / self.sample_rate

    @property
    def dataset(self) -> Path:
        """The folder that holds the splits."""
        return self.path.parents[1]
