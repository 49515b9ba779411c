"""Crops of tracks by their index: random ones to train on, the segments of whole tracks to validate with."""

import math
from collections.abc import Callable, Collection, Sequence

import numpy as np

from auralflow_core.config import Config
from auralflow_core.data.crops import read_mixture, read_stems, track_samples
from auralflow_core.data.targets import expand_targets
from auralflow_core.data.track import Track
from auralflow_core.errors import InputError
from auralflow_jax.data.augment import flip_polarity, random_gain, swap_channels

MAX_REDRAWS = 10  # of a silent crop; the one after that is taken as it is

Example = dict[str, np.ndarray | np.generic]  # a batch of one, without the batch axis


def epoch_samples(tracks: Sequence[Track], config: Config) -> int:
    """The number of crops in an epoch: as configured, or as many as cover the tracks' duration."""
    seconds = math.fsum(track.seconds for track in tracks)
    return config.dataset.samples_per_epoch or math.ceil(seconds / config.dataset.sample_length)


def drawing_chances(tracks: Sequence[Track], shares: Sequence[float]) -> np.ndarray:
    """The probability with which each track is drawn: in proportion to its duration, within its dataset.

    Args:
        tracks: sorted by dataset.
        shares: one number for each dataset, in any unit; empty: in proportion to the datasets' durations.

    Returns:
        (tracks,), sums to 1.

    Raises:
        InputError: the number of shares is not the number of datasets.
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


class _Crops:
    """The shape of a crop and the stems that it is made of, which training and validation share."""

    def __init__(self, tracks: Sequence[Track], config: Config):
        if not tracks:
            raise InputError("the list of tracks is empty; at least one track is needed")
        self.tracks = list(tracks)
        self.config, self.dataset = config, config.dataset
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


class TrainingCrops(_Crops):
    """Random crops, each a function of the configuration's seed and the crop's index alone.

    Tracks are drawn in proportion to their duration, so that every second is equally likely; where `dataset.shares`
    says how often each dataset is drawn from, every second of one dataset is. With `dataset.remix` each stem comes
    from another track and place. A crop whose targets are all silent is drawn again, at most `MAX_REDRAWS` times.

    Args:
        tracks: all with the same stems.
        config: the configuration.

    Attributes:
        chances: (tracks,), the probability with which each track is drawn.
        targets, tracks, config: what crops are made of.

    Raises:
        InputError: an empty list of tracks, an unknown target, or shares for another number of datasets.
    """

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

    def __call__(self, index: int) -> Example:
        """Reads a crop: `mixture` (channels, samples), `targets` (targets, channels, samples), `tracks` (stems,)."""
        rng = np.random.default_rng((self.seed, index))
        drawn, starts, stems = self._draw(rng)
        track = self.tracks[drawn[0]]
        if not (self.dataset.remix or self.augmentations) and track.mixture:
            mixture = read_mixture(track, int(starts[0]), *self.format)
        else:
            self._read(stems, set(range(len(self.stems))) - set(self.needed), drawn, starts)
            for augment in self.augmentations:
                stems = augment(stems, rng)
            mixture = stems.sum(axis=0)
        return {"mixture": mixture, "targets": self.targets(stems), "tracks": np.array(drawn, np.int32)}

    def _draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Each stem's track and first sample, and the stems, of which only those that targets need are read."""
        threshold = 10 ** (self.dataset.silence_db / 20)
        for _ in range(1 + MAX_REDRAWS):
            draws = len(self.stems) if self.dataset.remix else 1
            drawn = rng.choice(len(self.tracks), draws, p=self.chances)
            starts = rng.integers(0, np.maximum(self.lengths[drawn] - self.samples, 0), endpoint=True)
            drawn, starts = (np.resize(values, len(self.stems)) for values in (drawn, starts))
            stems = self.empty_stems()
            self._read(stems, self.needed, drawn, starts)
            if np.sqrt(np.mean(np.square(self.targets(stems)), axis=(1, 2))).max() >= threshold:
                break
        return drawn, starts, stems

    def _read(self, stems: np.ndarray, wanted: Collection[int], drawn: np.ndarray, starts: np.ndarray) -> None:
        for stem in wanted:
            track, name = self.tracks[drawn[stem]], self.stems[stem]
            stems[stem] = read_stems(track, [name], int(starts[stem]), *self.format)[0]


class ValidationSegments(_Crops):
    """Each track once, cut into segments of a crop's length, without overlap and in order.

    Args:
        tracks: all with the same stems; the first `dataset.validation_length` seconds of each are used.
        config: the configuration.

    Attributes:
        places: (track, first sample) of each segment.

    Raises:
        InputError: an empty list of tracks, or an unknown target.
    """

    def __init__(self, tracks: Sequence[Track], config: Config):
        super().__init__(tracks, config)
        if seconds := config.dataset.validation_length:
            self.lengths = np.minimum(self.lengths, max(1, round(seconds * config.model.sample_rate)))
        self.places = [
            (track, start)
            for track, length in enumerate(self.lengths.tolist())
            for start in range(0, length, self.samples)
        ]

    def __call__(self, index: int) -> Example:
        """Reads a segment: `mixture`, `targets`, `track` (), `weight` (); silence beyond the last one."""
        stems, mixture, track, length = self.empty_stems(), self.empty_stems()[0], 0, 0
        if index < len(self.places):
            track, start = self.places[index]
            length = min(self.samples, self.lengths[track] - start)
            for stem in self.needed:
                stems[stem] = read_stems(self.tracks[track], [self.stems[stem]], start, *self.format)[0]
            mixture = read_mixture(self.tracks[track], start, *self.format)
        # A read takes the whole segment, also where validation_length ends within it.
        mixture[..., length:] = stems[..., length:] = 0
        return {
            "mixture": mixture,
            "targets": self.targets(stems),
            "track": np.int32(track),
            "weight": np.float32(length / self.samples),
        }
