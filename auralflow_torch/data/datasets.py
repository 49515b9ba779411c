"""Chunks of whole tracks for `torch.utils.data.DataLoader`, which are held in memory.

They are pairs `(mixture, target)` of float32 tensors: `(channels, samples)` and `(channels, samples, targets)`, with
the targets in the order in which they are named. A target is a stem or a named sum of stems, see
`auralflow_core.data.targets.expand_targets`.
"""

import os
import sys
from collections.abc import Sequence

import numpy as np
from rich.console import Console
from torch.utils.data import Dataset

from auralflow_core.audio.check import check_rate
from auralflow_core.console.progress import progress_bar
from auralflow_core.console.text import count, data_size, printable_lines
from auralflow_core.data.crops import track_samples
from auralflow_core.data.track import Track
from auralflow_core.data.training import usable_tracks
from auralflow_core.errors import InputError
from auralflow_torch.data.pairs import (
    Example,
    Sums,
    as_names,
    as_tensors,
    check_channels,
    check_count,
    chunk_samples,
    read_pair,
    stems_of_targets,
)


class AudioDataset(Dataset):
    """Chunks of whole tracks that are held in memory.

    Tracks have chunks in proportion to their duration, spread evenly over the places in a track at which one can
    begin, so that any number of them is possible; they overlap where they are many. They are cut on access: memory
    holds each track's mixture and targets once, at the rate and channels asked for, whatever the number of chunks. The
    size is printed before anything is read. Worker processes that are forked share it.

    Args:
        dataset: tracks, from `auralflow_core.data.tracks.find_tracks`.
        targets: stems, or named sums of them.
        chunk_size: seconds of a chunk; a shorter track is followed by zeros.
        num_chunks: the number of chunks; also a float without a fraction, such as 1e5.
        sample_rate: of the chunks, in Hz; files of another rate are resampled.
        num_channels: 1 for mono, 2 for stereo.
        sources: named sums of stems, name -> stems, in addition to the built-in `accompaniment`.
        max_memory: bytes that the tracks may take; default: the memory that the machine has free.

    Raises:
        InputError: no tracks, an unknown target, a setting out of range, or tracks that need more memory.

    Attributes:
        memory: bytes that the tracks take.
    """

    def __init__(
        self,
        dataset: Sequence[Track],
        targets: Sequence[str],
        chunk_size: float = 1,
        num_chunks: int | float = int(1e6),
        sample_rate: int = 44100,
        *,
        num_channels: int = 1,
        sources: Sums | None = None,
        max_memory: int | None = None,
    ) -> None:
        self.samples = chunk_samples("chunk_size", chunk_size, sample_rate)
        sample_rate = check_rate(sample_rate, "sample_rate")
        self.num_chunks = check_count("num_chunks", num_chunks)
        self.targets, self.parts = stems_of_targets(targets, dataset, sources)
        lengths = [track_samples(track, sample_rate) for track in dataset]
        self.memory = 4 * sum(lengths) * check_channels(num_channels) * (1 + len(self.parts))
        self._announce(dataset, max_memory)
        self.audio: list[tuple[np.ndarray, np.ndarray]] = []  # mixture and target of each track
        with progress_bar(len(dataset), "tracks") as advance:
            for track, length in zip(dataset, lengths, strict=True):
                self.audio.append(read_pair(track, self.parts, 0, length, sample_rate, num_channels))
                advance("reading", len(self.audio))
        self.ends = np.cumsum(lengths)  # of the tracks, one after the other

    def _announce(self, tracks: Sequence[Track], max_memory: int | None) -> None:
        limit = _free_memory() if max_memory is None else max_memory
        if limit is not None and self.memory > limit:
            raise InputError(
                f"{count(len(tracks), 'track')} would take {data_size(self.memory)} of memory, {data_size(limit)} are "
                "free; use fewer tracks, mono or a lower sample_rate, or AudioFolder, which reads "
                "crops from disk"
            )
        Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False).print(
            f"Reading {count(len(tracks), 'track')} into {data_size(self.memory)} of memory.", markup=False
        )

    def __len__(self) -> int:
        """The number of chunks."""
        return self.num_chunks

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({count(self.num_chunks, 'chunk')} of {count(self.samples, 'sample')}, "
            f"{count(len(self.audio), 'track')}, {data_size(self.memory)})"
        )

    def __getitem__(self, index: int) -> Example:
        """A chunk: the mixture and the target, which the caller may change."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"chunk {index} of {len(self)}")
        # In whole numbers: the chunk's share of all durations, one after the other, then of its track's places.
        share = int(index) % len(self) * int(self.ends[-1])  # in 1 / len(self) of a sample
        track = int(np.searchsorted(self.ends, share // len(self), side="right"))
        length = self.audio[track][0].shape[1]
        places = max(1, length - self.samples + 1)
        start = (share - (int(self.ends[track]) - length) * len(self)) * places // (length * len(self))
        chunks = (audio[:, start : start + self.samples] for audio in self.audio[track])
        return as_tensors(
            *(np.pad(chunk, [(0, 0), (0, self.samples - chunk.shape[1]), (0, 0)][: chunk.ndim]) for chunk in chunks)
        )


def create_audio_dataset(
    dataset_path: str,
    targets: Sequence[str],
    split: str = "train",
    chunk_size: float = 1,
    num_chunks: int | float = int(1e6),
    max_num_tracks: int | None = None,
    sample_rate: int = 44100,
    mono: bool = True,
    *,
    sources: Sums | None = None,
) -> AudioDataset:
    """Reads the tracks of a split into memory, as a dataset of chunks.

    Args:
        dataset_path: a folder in the layout `<dataset>/<split>/<track>/<stem>.<format>`.
        targets: stems, or named sums of them.
        split: `train`, `valid` or `test`.
        chunk_size: seconds of a chunk.
        num_chunks: the number of chunks; also a float without a fraction.
        max_num_tracks: read only the first N tracks, by name; default: all.
        sample_rate: of the chunks, in Hz.
        mono: one channel, the mean of both; else two.
        sources: named sums of stems, see AudioDataset.

    Raises:
        InputError: as AudioDataset, and as `auralflow_core.data.training.usable_tracks`.

    Example:
        dataset = create_audio_dataset("my_songs", ["vocals"], chunk_size=3, num_chunks=1e5)
        mixture, target = dataset[0]  # (1, 132300), (1, 132300, 1)
    """
    tracks, notes = usable_tracks(dataset_path, split, targets=as_names(targets), sources=sources)
    for note in notes:
        print(printable_lines(note), file=sys.stderr)
    if max_num_tracks is not None:
        tracks = tracks[: check_count("max_num_tracks", max_num_tracks)]
    return AudioDataset(
        tracks, targets, chunk_size, num_chunks, sample_rate, num_channels=1 if mono else 2, sources=sources
    )


def _free_memory() -> int | None:
    """Bytes that a program can still allocate, None where the system does not tell."""
    try:
        with open("/proc/meminfo") as lines:
            return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        try:
            return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        except (AttributeError, ValueError, OSError):
            return None
