"""Sketches of signals: a few numbers that tell whether two recordings are the same.

A count sketch (Charikar, Chen and Farach-Colton, "Finding frequent items in data streams", 2002) adds up the samples,
each with a random sign, in a few buckets. The cosine of two sketches is that of the signals, but for an error of about
1 / sqrt(buckets): near 1 for the same recording at another level or in another format, near 0 for others.
"""

import functools

import numpy as np

BUCKETS = 256
BLOCK = 1 << 16  # samples whose signs are drawn together


class Sketches:
    """Adds up blocks (signals, channels, samples).

    Attributes:
        values: (signals, BUCKETS). Sketches add up as their signals do.
    """

    def __init__(self, signals: int):
        self.values = np.zeros((signals, BUCKETS))
        self._position = 0

    def add(self, block: np.ndarray) -> None:
        """Takes the next block."""
        mono, done = block.mean(axis=1), 0
        while done < mono.shape[-1]:
            index, offset = divmod(self._position, BLOCK)
            piece = mono[:, done : done + BLOCK - offset]
            signed = piece * _signs(index)[offset : offset + piece.shape[-1]]
            lead = self._position % BUCKETS
            padded = np.pad(signed, [(0, 0), (lead, -(lead + piece.shape[-1]) % BUCKETS)])
            self.values += padded.reshape(len(mono), -1, BUCKETS).sum(axis=1, dtype=np.float64)
            done += piece.shape[-1]
            self._position += piece.shape[-1]


def cosines(sketches: np.ndarray) -> np.ndarray:
    """The cosines between sketches (signals, BUCKETS): (signals, signals); 0 for silent ones."""
    norms = np.linalg.norm(sketches, axis=1, keepdims=True)
    unit = np.divide(sketches, norms, out=np.zeros_like(sketches), where=norms > 0)
    return unit @ unit.T


@functools.lru_cache(maxsize=64)
def _signs(index: int) -> np.ndarray:
    return np.random.default_rng(index).choice(np.array([-1, 1], np.float32), BLOCK)
