"""Scores of a whole track: SI-SDR and SDR."""

from collections.abc import Iterator

import numpy as np

from auralflow_core.audio.check import check_type, check_values
from auralflow_core.errors import InputError
from auralflow_core.storage.temp_arrays import pieces

# Largest RMS of a silent signal, about one step of 16-bit audio; dither alone lies below (-96 dBFS).
SILENCE_DB = -90.0

# The Music Demixing Challenges add this to both energies of the SDR.
MDX_EPSILON = 1e-7


def si_sdr(estimate: np.ndarray, target: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio of arrays of one shape, as one signal.

    `|a s|^2 / |a s - e|^2` with `a = <e, s> / <s, s>`: Le Roux, Wisdom, Erdogan and Hershey, "SDR - half-baked or
    well done?", ICASSP 2019, eq. 5; no mean is subtracted. Computed in float64, block by block.

    Returns:
        dB; NaN for a silent target, +inf for an exact (scaled) estimate, -inf for one without any of the target.

    Raises:
        InputError: integers, NaN or infinity.
        ValueError: the shapes differ.

    Example:
        >>> print(f"{si_sdr(np.array([2.5, 0, 2, 8]), np.array([3, -0.5, 2, 7])):.4f}")
        18.4030
    """
    dot, energy = np.sum([(e @ s, s @ s) for e, s in _signals(estimate, target)], axis=0)
    if energy == 0:
        return np.nan
    scale = dot / energy
    # A difference of energies would be nothing but rounding where the distortion is small.
    return _decibel(scale**2 * energy, sum(np.sum((scale * s - e) ** 2) for e, s in _signals(estimate, target)))


def sdr(estimate: np.ndarray, target: np.ndarray, epsilon: float = 0.0) -> float:
    """Signal-to-distortion ratio in its plain form, `|s|^2 / |s - e|^2` in dB; otherwise as `si_sdr`.

    Args:
        estimate: any shape.
        target: same shape.
        epsilon: added to both energies; with `MDX_EPSILON` it is the SDR of Mitsufuji et al., "Music Demixing
            Challenge 2021", Frontiers in Signal Processing 2022, which is finite for any signals.

    Example:
        >>> print(f"{sdr(np.array([2.5, 0, 2, 8]), np.array([3, -0.5, 2, 7])):.4f}")
        16.1805
    """
    energy, distortion = np.sum([(s @ s, np.sum((s - e) ** 2)) for e, s in _signals(estimate, target)], axis=0)
    return _decibel(energy + epsilon, distortion + epsilon) if energy + epsilon else np.nan


def is_silent(audio: np.ndarray) -> bool:
    """Whether the RMS of (channels, samples) lies below `SILENCE_DB`, where no score would mean anything."""
    check_type(audio, "audio")
    energy = sum(np.sum(np.square(audio[:, piece], dtype=np.float64)) for piece in pieces(audio.shape[-1]))
    return np.sqrt(energy / audio.size) < 10 ** (SILENCE_DB / 20)


def _signals(estimate: np.ndarray, target: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Blocks of both signals as float64 vectors."""
    check_type(estimate, "estimate")
    check_type(target, "target")
    if np.shape(estimate) != np.shape(target):
        raise ValueError(f"Shape mismatch: got {np.shape(estimate)} and {np.shape(target)}.")
    if not np.ndim(target):
        raise InputError("estimate and target must have samples, got single numbers")
    for piece in pieces(np.shape(target)[-1]):
        check_values(estimate[..., piece], "estimate")
        check_values(target[..., piece], "target")
        yield np.ravel(estimate[..., piece]).astype(np.float64), np.ravel(target[..., piece]).astype(np.float64)


def _decibel(signal: float, distortion: float) -> float:
    if signal == 0:
        return -np.inf
    return float(10 * np.log10(signal / distortion)) if distortion else np.inf
