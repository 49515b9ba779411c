"""The ideal ratio mask: the ceiling of what a mask can do."""

from collections.abc import Mapping

import numpy as np

from auralflow_core.storage.temp_arrays import Allocate, in_memory

# Frames transformed at once, so that memory does not grow with a song's length.
FRAMES = 64


def ideal_mask(
    mixture: np.ndarray,
    truths: Mapping[str, np.ndarray],
    num_fft: int = 4096,
    hop: int = 1024,
    allocate: Allocate = in_memory,
) -> dict[str, np.ndarray]:
    """What a magnitude mask with the mixture's phase could reach: the ideal ratio mask, |S| / (|S| + |X - S|).

    Args:
        mixture: (channels, samples).
        truths: of each target, (channels, samples).
        num_fft: length of transform and Hann window, in samples.
        hop: in samples, less than `num_fft`.
        allocate: makes the results' arrays.

    Returns:
        The mixture, masked for each target, (channels, samples).
    """
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(num_fft) / num_fft)
    channels, samples = mixture.shape
    results = {name: allocate(mixture.shape) for name in truths}
    # The first frame lies before the first sample, the last behind the last: all samples lie in as many frames.
    frames = -(-(samples + num_fft) // hop) + 1
    sums = {name: np.zeros((channels, FRAMES * hop + num_fft)) for name in truths}
    envelope = np.zeros(FRAMES * hop + num_fft)
    starts = hop * np.arange(FRAMES)
    for first in range(0, frames, FRAMES):
        start = first * hop - num_fft
        mixed = _spectra(mixture, start, starts, window)
        for at in starts:
            envelope[at : at + num_fft] += window**2
        for name, truth in truths.items():
            target = _spectra(truth, start, starts, window)
            total = np.abs(target) + np.abs(mixed - target)
            segments = np.fft.irfft(np.abs(target) / np.where(total == 0, 1, total) * mixed, num_fft) * window
            for index, at in enumerate(starts):
                sums[name][:, at : at + num_fft] += segments[:, index]
            # What no later frame reaches is complete.
            stop = max(0, min(FRAMES * hop, samples - start))
            begin = min(max(0, -start), stop)
            results[name][:, start + begin : start + stop] = sums[name][:, begin:stop] / envelope[begin:stop]
        for total in (envelope, *sums.values()):
            total[..., :num_fft] = total[..., FRAMES * hop :]
            total[..., num_fft:] = 0
    return results


def _spectra(signal: np.ndarray, start: int, starts: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Frames (channels, frames, bins) that begin at `starts` behind `start`; zeros before and behind the signal."""
    stop = start + starts[-1] + len(window)
    piece = np.asarray(signal[:, max(0, start) : max(0, stop)], np.float64)
    before = min(max(0, -start), stop - start)
    piece = np.pad(piece, [(0, 0), (before, stop - start - before - piece.shape[-1])])
    return np.fft.rfft(np.lib.stride_tricks.sliding_window_view(piece, len(window), axis=-1)[:, starts] * window)
