"""One signal of several estimates of it, bin by bin: by the mean, median, largest or smallest magnitude."""

from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np

from auralflow_core.dsp.streams import skipped
from auralflow_core.dsp.windows import hann_window

Statistic = Literal["mean_magnitude", "median_magnitude", "max_magnitude", "min_magnitude"]
NUM_FFT, HOP = 4096, 1024  # samples of a frame, and between two of them
ENVELOPE = 1.5  # the sum of squared Hann windows that lie a quarter of their length apart
FRAMES = 32  # frames that are transformed at once, so that memory does not grow with a piece


def merge_spectra(pieces: Iterable[np.ndarray], weights: np.ndarray, statistic: Statistic) -> Iterator[np.ndarray]:
    """Merges the estimates of several members in spectra, in memory that does not grow with the signals' length.

    The spectra are those of Hann windows of `NUM_FFT` samples every `HOP` samples, with silence around the signal.

    Args:
        pieces: the estimates, (members, targets, channels, samples), in pieces of any number of samples.
        weights: (members, targets); those of a target have the sum 1, or are all 0, which gives silence. Members of
            weight 0 have no part.
        statistic: see `merge_bins`.

    Yields:
        Pieces (targets, channels, samples), float32, as long as the estimates in all.
    """
    samples, sent = 0, 0

    def padded() -> Iterator[np.ndarray]:
        nonlocal samples
        for piece in pieces:
            if not samples:
                yield np.zeros((*piece.shape[:-1], NUM_FFT - HOP))
            samples += piece.shape[-1]
            yield piece
        if samples:
            yield np.zeros((*piece.shape[:-1], NUM_FFT + HOP))

    for merged in skipped(_frames_merged(padded(), weights, statistic), NUM_FFT - HOP):
        kept = merged[..., : samples - sent]  # all but the silence that was added at the end
        sent += kept.shape[-1]
        if kept.shape[-1]:
            yield kept.astype(np.float32)


def merge_bins(spectra: np.ndarray, weights: np.ndarray, statistic: Statistic) -> np.ndarray:
    """One spectrum of several.

    Args:
        spectra: complex, (members, ...).
        weights: (members,), above 0, with the sum 1.
        statistic: `max_magnitude` and `min_magnitude` take each bin of the member where it is largest or smallest.
            `mean_magnitude` and `median_magnitude` join magnitudes, and give them the phase of the weighted mean of
            the spectra. Only the mean of both uses weights.

    Returns:
        Complex, (...).

    Example:
        >>> merge_bins(np.array([[3j, 1], [-1, 1]]), np.array([0.5, 0.5]), "max_magnitude").tolist()
        [3j, (1+0j)]
    """
    magnitudes = np.abs(spectra)
    if statistic in ("max_magnitude", "min_magnitude"):
        chosen = magnitudes.argmax(0) if statistic == "max_magnitude" else magnitudes.argmin(0)
        return np.take_along_axis(spectra, chosen[None], 0)[0]
    mean = np.tensordot(weights, spectra, 1)
    size = np.abs(mean)
    phase = np.divide(mean, size, out=np.ones_like(mean), where=size > 0)
    return phase * (
        np.median(magnitudes, 0) if statistic == "median_magnitude" else np.tensordot(weights, magnitudes, 1)
    )


def _frames_merged(pieces: Iterable[np.ndarray], weights: np.ndarray, statistic: Statistic) -> Iterator[np.ndarray]:
    """The merged signal, as far as no later frame reaches; what is left at the end fills no frame."""
    window = hann_window(NUM_FFT, NUM_FFT)
    held, tail = np.zeros(0), np.zeros(NUM_FFT - HOP)
    for piece in pieces:
        held = np.concatenate([held, piece], axis=-1) if held.size else piece
        while held.shape[-1] >= NUM_FFT:
            frames = min((held.shape[-1] - NUM_FFT) // HOP + 1, FRAMES)
            places = np.lib.stride_tricks.sliding_window_view(held, NUM_FFT, axis=-1)[..., : frames * HOP : HOP, :]
            spectra = np.fft.rfft(places * window)
            merged = np.zeros(spectra.shape[1:], complex)
            for target, shares in enumerate(weights.T):
                if shares.any():
                    merged[target] = merge_bins(spectra[shares > 0, target], shares[shares > 0], statistic)
            segments = np.fft.irfft(merged, NUM_FFT) * window / ENVELOPE
            whole = np.zeros((*segments.shape[:-2], frames * HOP + NUM_FFT - HOP))
            whole[..., : NUM_FFT - HOP] = tail
            for index in range(frames):
                whole[..., index * HOP : index * HOP + NUM_FFT] += segments[..., index, :]
            yield whole[..., : frames * HOP]
            tail, held = whole[..., frames * HOP :], held[..., frames * HOP :]
