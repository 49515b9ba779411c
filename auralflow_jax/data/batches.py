"""Batches of crops, read from disk by grain while the previous step runs.

Every element is a function of (seed, index) alone, whatever the number of threads, worker processes or hosts, so
that a run resumes by starting to count elsewhere.
"""

import math
import os
import sys
from collections.abc import Callable, Generator, Sequence

import grain
import numpy as np
from absl import flags

from auralflow_core.config import Config
from auralflow_core.data.crops import read_mixture, read_stems, track_samples
from auralflow_core.data.targets import expand_targets
from auralflow_core.data.track import Track
from auralflow_core.errors import InputError
from auralflow_jax.data.augment import flip_polarity, random_gain, swap_channels

MAX_REDRAWS = 10  # of a silent crop; the one after that is taken as it is
PREFETCH = 2  # batches that are read ahead
THREADS = min(4, os.cpu_count() or 1)

Batch = dict[str, np.ndarray]


def epoch_samples(tracks: Sequence[Track], config: Config) -> int:
    """The number of crops in an epoch: as configured, or as many as cover the tracks' duration."""
    seconds = math.fsum(track.seconds for track in tracks)
    return config.dataset.samples_per_epoch or math.ceil(seconds / config.dataset.sample_length)


def drawing_chances(tracks: Sequence[Track], shares: Sequence[float]) -> np.ndarray:
    """The probability of each track to be drawn: in proportion to its duration, among those of its dataset.

    Args:
        tracks: of one dataset after the other.
        shares: one for each dataset, in any unit; none: in proportion to the datasets' durations.

    Returns:
        (tracks,), sums to 1.

    Raises:
        InputError: not one share for each dataset.
    """
    chances = np.array([track.seconds for track in tracks])
    if shares:
        datasets = list(dict.fromkeys(track.dataset for track in tracks))
        if len(shares) != len(datasets):
            raise InputError(
                f"dataset.shares is {', '.join(map(str, shares))}; one number for each dataset is "
                f"expected, here for {', '.join(map(str, datasets))}"
            )
        owner = np.array([datasets.index(track.dataset) for track in tracks])
        chances *= (np.array(shares) / np.bincount(owner, chances))[owner]
    return chances / chances.sum()


def training_batches(
    tracks: Sequence[Track], config: Config, start_step: int = 0, process: tuple[int, int] = (0, 1)
) -> Generator[Batch, None, None]:
    """Endless batches of random crops.

    Tracks are drawn in proportion to their duration, so that every second is equally likely; every second of a
    dataset, where `dataset.shares` says how often each dataset is drawn from. With `dataset.remix` each stem comes
    from a track and a place of its own. A crop whose targets are all silent is drawn again, at most `MAX_REDRAWS`
    times.

    Args:
        tracks: all with the same stems.
        config: the configuration; `training.batch_size` counts over all hosts.
        start_step: the first batch; batch k is the same wherever one starts.
        process: this host's index and the number of hosts; it gets its own contiguous part of each batch.

    Returns:
        A generator; `close()` stops its threads and processes. Each batch holds float32 `mixture`
        `(batch, channels, samples)` and `targets` `(batch, targets, channels, samples)`, and int32 `tracks`
        `(batch, stems)`: the index in `tracks` of the song that each stem, sorted by name, is from.

    Raises:
        InputError: no tracks, an unknown target, shares of other datasets, or a batch size that the number of hosts
            does not divide.
    """
    crops = _TrainingCrops(tracks, config)
    index, local = _share(config.training.batch_size, process)
    elements = grain.MapDataset.range(start_step * local, sys.maxsize)
    elements = elements.map(lambda k: crops(k // local * config.training.batch_size + index * local + k % local))
    return _batches(elements, local, config.dataset.num_workers)


def validation_segments(
    tracks: Sequence[Track], config: Config, batch_size: int, process: tuple[int, int] = (0, 1)
) -> Generator[Batch, None, None]:
    """Each track once, cut into segments of a crop's length, without overlap and in order.

    Args:
        tracks: all with the same stems; the first `dataset.validation_length` seconds of each are used.
        config: the configuration.
        batch_size: over all hosts; the last batch is filled up with silence.
        process: as in `training_batches`.

    Returns:
        A generator of batches with float32 `mixture` `(batch, channels, samples)` and `targets`
        `(batch, targets, channels, samples)`, int32 `track` `(batch,)`, its index in `tracks`, and float32
        `weight` `(batch,)`: the part of the segment that is audio, the rest being zeros at its end.

    Raises:
        InputError: as `training_batches`.
    """
    segments = _ValidationSegments(tracks, config)
    index, local = _share(batch_size, process)
    count = -(-len(segments.places) // batch_size)
    elements = grain.MapDataset.range(count * local)
    elements = elements.map(lambda k: segments(k // local * batch_size + index * local + k % local))
    return _batches(elements, local, config.dataset.num_workers)


class _Crops:
    """What training and validation share: the shape of a crop and the stems that it is made of."""

    def __init__(self, tracks: Sequence[Track], config: Config):
        if not tracks:
            raise InputError("there are no tracks to read from; at least one is needed")
        self.tracks = list(tracks)
        self.dataset = config.dataset
        self.samples = config.crop_samples
        self.format = (self.samples, config.model.sample_rate, config.model.num_channels)
        self.stems = list(tracks[0].stems)
        sums = expand_targets(config.model.targets, self.stems, config.dataset.sources)
        self.members = [[self.stems.index(stem) for stem in parts] for parts in sums.values()]
        self.needed = sorted(set().union(*self.members))  # the stems that targets are made of
        self.lengths = np.array([track_samples(track, config.model.sample_rate) for track in tracks])

    def empty_stems(self) -> np.ndarray:
        samples, _, channels = self.format
        return np.zeros((len(self.stems), channels, samples), np.float32)

    def targets(self, stems: np.ndarray) -> np.ndarray:
        return np.stack([stems[members].sum(axis=0) for members in self.members])


class _TrainingCrops(_Crops):
    """From an index to a crop: `mixture`, `targets`, `tracks`, without the batch axis."""

    def __init__(self, tracks: Sequence[Track], config: Config):
        super().__init__(tracks, config)
        self.seed = config.training.seed
        self.chances = drawing_chances(tracks, self.dataset.shares)
        self.augmentations: list[Callable[[np.ndarray, np.random.Generator], np.ndarray]] = []
        if decibels := config.dataset.gain_db:
            self.augmentations.append(lambda stems, rng: random_gain(stems, rng, decibels))
        if config.dataset.flip_polarity:
            self.augmentations.append(flip_polarity)
        if config.dataset.swap_channels and config.model.num_channels > 1:
            self.augmentations.append(swap_channels)

    def __call__(self, index: int) -> Batch:
        rng = np.random.default_rng((self.seed, index))
        songs, starts, stems = self._draw(rng)
        song = self.tracks[songs[0]]
        if not (self.dataset.remix or self.augmentations) and song.mixture:
            mixture = read_mixture(song, int(starts[0]), *self.format)
        else:
            self._read(stems, set(range(len(self.stems))) - set(self.needed), songs, starts)
            for augment in self.augmentations:
                stems = augment(stems, rng)
            mixture = stems.sum(axis=0)
        return {"mixture": mixture, "targets": self.targets(stems), "tracks": np.array(songs, np.int32)}

    def _draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Each stem's track and first sample, and the stems, of which only those that targets need are read."""
        threshold = 10 ** (self.dataset.silence_db / 20)
        for _ in range(1 + MAX_REDRAWS):
            draws = len(self.stems) if self.dataset.remix else 1
            songs = rng.choice(len(self.tracks), draws, p=self.chances)
            starts = rng.integers(0, np.maximum(self.lengths[songs] - self.samples, 0), endpoint=True)
            songs, starts = (np.resize(drawn, len(self.stems)) for drawn in (songs, starts))
            stems = self.empty_stems()
            self._read(stems, self.needed, songs, starts)
            if np.sqrt(np.mean(np.square(self.targets(stems)), axis=(1, 2))).max() >= threshold:
                break
        return songs, starts, stems

    def _read(self, stems: np.ndarray, wanted, songs: np.ndarray, starts: np.ndarray) -> None:
        for stem in wanted:
            stems[stem] = read_stems(self.tracks[songs[stem]], [self.stems[stem]], int(starts[stem]), *self.format)[0]


class _ValidationSegments(_Crops):
    """From an index to a segment: `mixture`, `targets`, `track`, `weight`, without the batch axis."""

    def __init__(self, tracks: Sequence[Track], config: Config):
        super().__init__(tracks, config)
        if seconds := config.dataset.validation_length:
            self.lengths = np.minimum(self.lengths, max(1, round(seconds * config.model.sample_rate)))
        self.places = [
            (song, start)
            for song, length in enumerate(self.lengths.tolist())
            for start in range(0, length, self.samples)
        ]

    def __call__(self, index: int) -> Batch:
        stems, mixture, song, length = self.empty_stems(), self.empty_stems()[0], 0, 0
        if index < len(self.places):
            song, start = self.places[index]
            length = min(self.samples, self.lengths[song] - start)
            for stem in self.needed:
                stems[stem] = read_stems(self.tracks[song], [self.stems[stem]], start, *self.format)[0]
            mixture = read_mixture(self.tracks[song], start, *self.format)
        # What lies beyond validation_length has been read with the rest of the segment.
        mixture[..., length:] = stems[..., length:] = 0
        return {
            "mixture": mixture,
            "targets": self.targets(stems),
            "track": np.int32(song),
            "weight": np.float32(length / self.samples),
        }


def _share(batch_size: int, process: tuple[int, int]) -> tuple[int, int]:
    """The index of this host and the size of its part of a batch."""
    index, count = process
    if batch_size % count:
        raise InputError(
            f"training.batch_size: {batch_size} cannot be shared out among {count} hosts; "
            f"a multiple of {count} is accepted"
        )
    return index, batch_size // count


def _batches(elements: grain.MapDataset, batch_size: int, num_workers: int) -> Generator[Batch, None, None]:
    """Reads ahead and stacks; threads and processes live until the generator ends or is closed."""
    # Worker processes take turns by element. They come before the batching, which would else depend on their number.
    ahead = grain.ReadOptions(num_threads=THREADS, prefetch_buffer_size=PREFETCH * batch_size)
    dataset = elements.to_iter_dataset(ahead)
    if num_workers:
        if not flags.FLAGS.is_parsed():
            flags.FLAGS.mark_as_parsed()  # grain hands its flags on to workers, and refuses unparsed ones
        dataset = dataset.mp_prefetch(grain.MultiprocessingOptions(num_workers, per_worker_buffer_size=batch_size))
    iterator = iter(dataset.batch(batch_size, drop_remainder=True))
    try:
        yield from iterator
    finally:
        iterator.close()
