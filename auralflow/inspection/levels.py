"""Levels of several signals, block by block: peaks, clipping, the difference between left and right."""

import numpy as np

FULL_SCALE = 32767 / 32768  # from here on a sample is at full scale
RUN = 4  # samples in a row at full scale that count as clipped: the top of a low, loud tone has fewer


class Levels:
    """Adds up blocks (signals, channels, samples).

    Attributes:
        samples: the number that was added.
        peak: (signals,), the largest magnitude.
        side: (signals,), the mean square of half the difference between the channels; 0 in mono.
        clipped: (signals,), samples that are part of `RUN` or more in a row at full scale.
    """

    def __init__(self, signals: int):
        self.samples = 0
        self.peak = np.zeros(signals)
        self.clipped = np.zeros(signals, int)
        self._side = np.zeros(signals)

    def add(self, block: np.ndarray) -> None:
        """Takes the next block."""
        self.samples += block.shape[-1]
        magnitude = np.abs(block)
        peaks = magnitude.max(axis=(1, 2), initial=0)
        self.peak = np.maximum(self.peak, peaks)
        if block.shape[1] == 2:
            difference = block[:, 0] - block[:, 1]
            self._side += np.einsum("st,st->s", difference, difference) / 4
        for signal in np.flatnonzero(peaks >= FULL_SCALE):
            self.clipped[signal] += sum(map(count_in_runs, magnitude[signal] >= FULL_SCALE))

    @property
    def side(self) -> np.ndarray:
        return self._side / max(1, self.samples)


def count_in_runs(marked: np.ndarray, least: int = RUN) -> int:
    """The number of marked places in runs of at least `least` of them.

    Example:
        >>> count_in_runs(np.array([True, True, False, True, True, True]), least=3)
        3
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]]).astype(np.int8)))
    lengths = edges[1::2] - edges[::2]
    return int(lengths[lengths >= least].sum())
