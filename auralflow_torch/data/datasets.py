"""Datasets of tracks for `torch.utils.data.DataLoader`: crops read from disk as they are needed, or tracks in memory.

Both give pairs `(mixture, target)` of float32 tensors: `(channels, samples)` and `(channels, samples, targets)`, with
the targets in the order in which they are named. A target is a stem or a named sum of stems, see
`auralflow_core.data.targets.expand_targets`.
"""

import math
import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from auralflow_core.audio.check import check_rate
from auralflow_core.config import Config
from auralflow_core.console.progress import progress_bar
from auralflow_core.console.text import printable_lines
from auralflow_core.data.crops import track_samples
from auralflow_core.data.track import Track
from auralflow_core.data.training import usable_tracks
from auralflow_core.errors import InputError
from auralflow_core.model_folder import as_config
from auralflow_torch.data.decoding import decoder
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
from auralflow_torch.models.base import SeparationModel


class AudioFolder(IterableDataset):
    """Random crops of a folder of tracks, read from disk while training.

    A crop lies in a track, drawn in proportion to its duration, at any sample of it; a track shorter than a crop is
    followed by zeros. The workers of a DataLoader share a pass among them, so that no two of them give the same crop
    of it, and so do the ranks of `torch.distributed`, each of which has the same number of crops.

    Tracks that cannot be used are left out, and a line on standard error says why; see
    `auralflow_core.data.check.check_tracks`.

    Each pass draws anew, from torch's seed, as the shuffling of a DataLoader does. After `set_epoch`, the crops of a
    pass depend on `seed` and the epoch alone, whatever the number of workers.

    Args:
        dataset_path: a folder in the layout `<dataset>/<subset>/<track>/<stem>.<format>`.
        targets: stems, or named sums of them. Default: `["vocals"]`.
        sample_length: of a crop, in seconds.
        subset: `train`, `valid` or `test`.
        audio_format: of the files that are read, such as `wav` or `flac`. Default: any.
        sample_rate: of the crops, in Hz; files of another rate are resampled.
        num_channels: 1 for mono, 2 for stereo.
        backend: what decodes files: `soundfile` or `torchaudio`.
        samples_per_epoch: crops of one pass, over all ranks; default: as many as cover the tracks' duration. With
            several workers, a multiple of ranks x workers x batch size fills every batch.
        seed: of the crops after `set_epoch`.
        sources: named sums of stems, name -> stems, in addition to the built-in `accompaniment`.
        exclude: tracks that are not read, by name or as `<subset>/<name>`; `auralflow inspect` finds them.

    Raises:
        InputError: no tracks that can be used, an unknown target, or a setting out of range.
        MissingPackage: the backend is not installed.

    Example:
        dataset = AudioFolder("my_songs", targets=["vocals"], sample_length=3)
        loader = DataLoader(dataset, batch_size=8, num_workers=2, pin_memory=True)
        mixture, target = next(iter(loader))  # (8, 1, 132300), (8, 1, 132300, 1)
        dataset = AudioFolder.for_model("my_model", "my_songs")  # as the model's settings have it
    """

    divides_among_ranks = True  # each rank of torch.distributed has crops of its own

    def __init__(
        self,
        dataset_path: str,
        targets: Sequence[str] | None = None,
        sample_length: float = 3,
        subset: str = "train",
        audio_format: str | None = None,
        sample_rate: int = 44100,
        num_channels: int = 1,
        backend: str = "soundfile",
        *,
        samples_per_epoch: int | None = None,
        seed: int = 0,
        sources: Sums | None = None,
        exclude: Collection[str] = (),
    ) -> None:
        super().__init__()
        suffix = None if audio_format is None else f".{audio_format.lower().lstrip('.')}"
        self.decode = decoder(backend)
        self.samples = chunk_samples("sample_length", sample_length, sample_rate)
        sample_rate = check_rate(sample_rate, "sample_rate")
        self.format = (self.samples, sample_rate, check_channels(num_channels), self.decode)
        names = as_names(targets)
        self.tracks, notes = usable_tracks(dataset_path, subset, suffix, exclude, names, sources)
        for note in notes:
            print(printable_lines(note), file=sys.stderr)
        self.targets, self.parts = stems_of_targets(targets, self.tracks, sources)
        seconds = np.array([track.seconds for track in self.tracks])
        self.chances = seconds / seconds.sum()
        self.lengths = np.array([track_samples(track, sample_rate) for track in self.tracks])
        self.samples_per_epoch = (
            math.ceil(seconds.sum() / sample_length)
            if samples_per_epoch is None
            else check_count("samples_per_epoch", samples_per_epoch)
        )
        self.seed = seed
        # In shared memory, so that workers which outlive a pass see the next epoch too; -1: none was set.
        self._epoch = torch.tensor(-1).share_memory_()
        self._passes = 0
        self._rank = _own_rank() or (0, 1)

    @classmethod
    def for_model(
        cls,
        model: Config | SeparationModel | Mapping | str | Path,
        dataset_path: str,
        subset: str = "train",
        audio_format: str | None = None,
        backend: str = "soundfile",
    ) -> "AudioFolder":
        """The crops that a model's settings ask for: targets, length, rate, channels, number, seed, sums, exclusions.

        Augmentation is not part of it; `auralflow_jax` does it while it trains.

        Args:
            model: a model, its configuration (also as a dict), or the path of its folder or its config.json.
            dataset_path: see AudioFolder, as are the rest.
            subset: `train`, `valid` or `test`.
            audio_format: of the files that are read.
            backend: what decodes files.

        Raises:
            InputError: a wrong configuration, or see AudioFolder.
        """
        config = as_config(model.settings if isinstance(model, SeparationModel) else model)
        dataset = config.dataset
        exclude = [name for name in dataset.exclude if "/" not in name or name.startswith(f"{subset}/")]
        return cls(
            dataset_path,
            config.model.targets,
            dataset.sample_length,
            subset,
            audio_format,
            config.model.sample_rate,
            config.model.num_channels,
            backend,
            samples_per_epoch=dataset.samples_per_epoch,
            seed=config.training.seed,
            sources=dataset.sources,
            exclude=exclude,
        )

    def __len__(self) -> int:
        """Crops of one pass, of those of all ranks this one's."""
        return math.ceil(self.samples_per_epoch / self._place()[1])

    def __getstate__(self) -> dict:
        """What a worker process gets, in which torch.distributed may not run."""
        self._rank = self._place()
        return self.__dict__.copy()

    def set_epoch(self, epoch: int) -> None:
        """Draws the following passes for an epoch, a number from 0 on."""
        self._epoch.fill_(check_count("epoch", epoch, least=0))

    def __iter__(self) -> Iterator[Example]:
        """The crops of one pass; in a worker of a DataLoader, or on one of several ranks, its share of them."""
        worker = get_worker_info()
        index, count = (0, 1) if worker is None else (worker.id, worker.num_workers)
        rank, ranks = self._place()
        if (epoch := int(self._epoch)) >= 0:
            key = (0, self.seed, epoch)
        else:
            # Workers have the seed of their loader's pass plus their number; one that lives on keeps it.
            drawn = int(torch.empty((), dtype=torch.int64).random_()) if worker is None else worker.seed - worker.id
            key = (1, drawn, self._passes)
            self._passes += 1
        places = range(index, len(self), count)
        return (self._crop(np.random.default_rng((*key, rank + ranks * k))) for k in places)

    def _place(self) -> tuple[int, int]:
        """This rank, and the number of ranks."""
        return _own_rank() or self._rank

    def _crop(self, rng: np.random.Generator) -> Example:
        track = rng.choice(len(self.tracks), p=self.chances)
        start = rng.integers(0, max(self.lengths[track] - self.samples, 0), endpoint=True)
        return as_tensors(*read_pair(self.tracks[track], self.parts, int(start), *self.format))


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
                f"{len(tracks)} tracks would take {_size(self.memory)} of memory, {_size(limit)} are "
                "free; use fewer tracks, mono or a lower sample_rate, or AudioFolder, which reads "
                "crops from disk"
            )
        Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False).print(
            f"Reading {len(tracks)} tracks into {_size(self.memory)} of memory.", markup=False
        )

    def __len__(self) -> int:
        """The number of chunks."""
        return self.num_chunks

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


def _own_rank() -> tuple[int, int] | None:
    """The rank of this process and the number of ranks, None where torch.distributed does not run."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return None
    return torch.distributed.get_rank(), torch.distributed.get_world_size()


def _size(number: int) -> str:
    return f"{number / 1e9:.2f} GB" if number >= 1e8 else f"{number / 1e6:.1f} MB"


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
