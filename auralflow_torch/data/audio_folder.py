"""Random crops of a folder of tracks for `torch.utils.data.DataLoader`, read from disk as they are needed.

They are pairs `(mixture, target)` of float32 tensors: `(channels, samples)` and `(channels, samples, targets)`, with
the targets in the order in which they are named. A target is a stem or a named sum of stems, see
`auralflow_core.data.targets.expand_targets`.
"""

import math
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn, cast

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from auralflow_core.audio.check import check_rate
from auralflow_core.config import Config
from auralflow_core.console.text import count, printable_lines
from auralflow_core.data.crops import track_samples
from auralflow_core.data.training import usable_tracks
from auralflow_core.errors import InputError
from auralflow_core.model_folder import as_config, find_model
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
        suffix = _as_suffix(audio_format)
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
        model: Any,
        dataset_path: str,
        subset: str = "train",
        audio_format: str | None = None,
        backend: str = "soundfile",
    ) -> "AudioFolder":
        """The crops that a model's settings ask for: targets, length, rate, channels, number, seed, sums, exclusions.

        Augmentation is not part of it; `auralflow_jax` does it while it trains.

        Args:
            model: a model, its configuration (also as a dict), the path of its folder or its config.json, or a
                pretrained model's name.
            dataset_path: see AudioFolder, as are the rest.
            subset: `train`, `valid` or `test`.
            audio_format: of the files that are read.
            backend: what decodes files.

        Raises:
            InputError: a wrong configuration, or see AudioFolder.
        """
        if isinstance(model, str | Path) and not Path(model).exists():
            model = find_model(model)
        config = as_config(cast(Config, getattr(model, "settings", model)))  # of a model of either package
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

    def __repr__(self) -> str:
        samples, rate, channels, _ = self.format
        return (
            f"{type(self).__name__}({count(len(self.tracks), 'track')}, targets={self.targets}, "
            f"{count(len(self), 'crop')} of {samples / rate:g} s, sample_rate={rate}, num_channels={channels})"
        )

    def __getitem__(self, index: Any) -> NoReturn:
        """Refused: crops are drawn at random and have no numbers."""
        raise InputError(
            f"AudioFolder draws random crops and has no item {index!r}; next(iter(folder)) gives a crop, and "
            "create_audio_dataset makes a dataset of numbered chunks"
        )

    def __len__(self) -> int:
        """Crops of one pass, of those of all ranks this one's."""
        return math.ceil(self.samples_per_epoch / self._place()[1])

    def __getstate__(self) -> dict:
        """The state for a worker process, in which torch.distributed may not run."""
        self._rank = self._place()
        return self.__dict__.copy()

    def set_epoch(self, epoch: int) -> None:
        """Draws the following passes for an epoch, a number from 0 on."""
        self._epoch.fill_(check_count("epoch", epoch, least=0))

    def __iter__(self) -> Iterator[Example]:
        """The crops of one pass; in a worker of a DataLoader, or on one of several ranks, its share of them."""
        worker = get_worker_info()
        index, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        rank, ranks = self._place()
        if (epoch := int(self._epoch)) >= 0:
            key = (0, self.seed, epoch)
        else:
            # Workers have the seed of their loader's pass plus their number; one that lives on keeps it.
            drawn = int(torch.empty((), dtype=torch.int64).random_()) if worker is None else worker.seed - worker.id
            key = (1, drawn, self._passes)
            self._passes += 1
        places = range(index, len(self), workers)
        return (self._crop(np.random.default_rng((*key, rank + ranks * k))) for k in places)

    def _place(self) -> tuple[int, int]:
        """This rank, and the number of ranks."""
        return _own_rank() or self._rank

    def _crop(self, rng: np.random.Generator) -> Example:
        track = rng.choice(len(self.tracks), p=self.chances)
        start = rng.integers(0, max(self.lengths[track] - self.samples, 0), endpoint=True)
        return as_tensors(*read_pair(self.tracks[track], self.parts, int(start), *self.format))


def _as_suffix(audio_format: str | None) -> str | None:
    """The suffix of files of a format; None for any."""
    if audio_format is None:
        return None
    if not isinstance(audio_format, str) or not audio_format.strip("."):
        raise InputError(f"audio_format is {audio_format!r}, expected one such as 'wav', or None for any")
    return f".{audio_format.lower().lstrip('.')}"


def _own_rank() -> tuple[int, int] | None:
    """The rank of this process and the number of ranks, None where torch.distributed does not run."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return None
    return torch.distributed.get_rank(), torch.distributed.get_world_size()
