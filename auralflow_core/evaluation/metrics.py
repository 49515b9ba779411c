"""Metrics of a whole track, and which metrics there are."""

import importlib.util
import shutil
from collections.abc import Iterator

import numpy as np

from auralflow_core.errors import InputError, MissingPackage, closest
from auralflow_core.storage.temp_arrays import pieces

# RMS of a silent target, about one step of 16-bit audio: what dither alone leaves lies below (-96 dBFS).
SILENCE_DB = -90.0


# Added to both energies of the SDR by the Music Demixing Challenges, whose figure this is.
MDX_EPSILON = 1e-7


def si_sdr(estimate: np.ndarray, target: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio of arrays of one shape, as one signal.

    `|a s|^2 / |a s - e|^2` with `a = <e, s> / <s, s>`: Le Roux, Wisdom, Erdogan and Hershey, "SDR - half-baked or
    well done?", ICASSP 2019, eq. 5; no mean is subtracted. Computed in float64, block by block.

    Returns:
        dB; NaN for a silent target, +inf for an exact (scaled) estimate, -inf for one without any of the target.

    Example:
        >>> print(f"{si_sdr(np.array([2.5, 0, 2, 8]), np.array([3, -0.5, 2, 7])):.4f}")
        18.4030
    """
    dot, energy = np.sum([(e @ s, s @ s) for e, s in _signals(estimate, target)], axis=0)
    if energy == 0:
        return np.nan
    scale = dot / energy
    # The distortion as a difference of signals: as one of energies it would be rounding where it is small.
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
    """Whether the RMS of (channels, samples) lies below `SILENCE_DB`: no figure would mean anything."""
    energy = sum(np.sum(np.square(audio[:, piece], dtype=np.float64)) for piece in pieces(audio.shape[-1]))
    return np.sqrt(energy / audio.size) < 10 ** (SILENCE_DB / 20)


def _signals(estimate: np.ndarray, target: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Blocks of both as vectors of float64."""
    if np.shape(estimate) != np.shape(target):
        raise ValueError(f"Shape mismatch: got {np.shape(estimate)} and {np.shape(target)}.")
    for piece in pieces(np.shape(target)[-1]):
        yield tuple(np.ravel(signal[..., piece]).astype(np.float64) for signal in (estimate, target))


def _decibel(signal: float, distortion: float) -> float:
    if signal == 0:
        return -np.inf
    return float(10 * np.log10(signal / distortion)) if distortion else np.inf


METRICS = {
    "sdr": "SI-SDR and SDR of the whole track",
    "bss_eval": "these, and BSSEval's SDR, SIR, ISR and SAR",
    "museval": "these, with museval's own BSSEval",
}


def check_metrics(metrics: str) -> None:
    """Refuses metrics that are unknown, or cannot be measured here.

    Raises:
        InputError: they are not among `METRICS`.
        MissingPackage: they need what is not installed.
    """
    if metrics not in METRICS:
        raise InputError(f"unknown metrics {metrics!r}; {closest(metrics, METRICS)}")
    if metrics == "bss_eval" and not importlib.util.find_spec("jax"):
        raise MissingPackage(
            "the metrics bss_eval need the package jax, which is not installed: pip install "
            "auralflow; without it, the metrics sdr can be measured",
            name="jax",
        )
    # museval looks for ffmpeg as soon as it is imported.
    if metrics == "museval" and not (
        importlib.util.find_spec("museval") and shutil.which("ffmpeg") and shutil.which("ffprobe")
    ):
        raise MissingPackage(
            "the metrics museval need the package museval (pip install 'auralflow[eval]'), and ffmpeg "
            "and ffprobe on the PATH; bss_eval measures the same without them",
            name="museval",
        )
