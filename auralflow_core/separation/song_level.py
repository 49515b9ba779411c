"""The level of a whole song, by which some models want it normalised."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np


class SongLevel(NamedTuple):
    """Mean and deviation of a song.

    Attributes:
        mean: of all samples.
        deviation: their standard deviation; 0 for silence and other constants, 1 where channels cancel each other.
    """

    mean: float
    deviation: float

    def normalize(self, audio: np.ndarray) -> np.ndarray:
        """A part of the song, of any shape, with mean 0 and deviation 1, or 0 as the song's."""
        return (audio - np.float32(self.mean)) / np.float32(self.deviation or 1)

    def restore(self, audio: np.ndarray) -> np.ndarray:
        """The inverse of `normalize`; of a constant song that constant, whatever a network makes of it."""
        return audio * np.float32(self.deviation) + np.float32(self.mean)


def song_level(blocks: Iterable[np.ndarray]) -> SongLevel:
    """Measures a song that comes piece by piece, in one pass; of several channels their mean.

    Args:
        blocks: pieces (channels, samples).

    Example:
        >>> song_level([np.array([[1.0], [1.0]]), np.array([[4.0], [6.0]])])
        SongLevel(mean=3.0, deviation=2.0)
    """
    count, total, squares, apart = 0, 0.0, 0.0, 0.0
    for block in blocks:
        mono = block.mean(0, np.float64)
        count, total, squares = count + mono.size, total + mono.sum(), squares + np.square(mono).sum()
        apart = max(apart, float(np.ptp(block, axis=0).max(initial=0)))  # the channels
    mean = total / max(1, count)
    deviation = np.sqrt(max(0.0, squares / max(1, count) - mean**2))
    if deviation > np.finfo(np.float32).eps:
        return SongLevel(float(mean), float(deviation))
    return SongLevel(float(mean), 1.0 if apart > np.finfo(np.float32).eps else 0.0)
