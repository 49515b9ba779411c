"""Augmentations: pure functions of the stems of a crop, `(stems, channels, samples)`, and a numpy generator."""

import numpy as np


def random_gain(stems: np.ndarray, rng: np.random.Generator, decibels: float) -> np.ndarray:
    """Makes each stem louder or softer by a level that is uniform between -`decibels` and `decibels`."""
    levels = rng.uniform(-decibels, decibels, (len(stems), 1, 1))
    return stems * (10 ** (levels / 20)).astype(stems.dtype)


def flip_polarity(stems: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turns each stem's sign around with probability 1/2."""
    signs = rng.choice(np.array([-1, 1], stems.dtype), (len(stems), 1, 1))
    return stems * signs


def swap_channels(stems: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Reverses the order of each stem's channels with probability 1/2."""
    swapped = rng.random((len(stems), 1, 1)) < 0.5
    return np.where(swapped, stems[:, ::-1], stems)
