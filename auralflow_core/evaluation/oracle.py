"""The ideal ratio mask: the ceiling of what a magnitude mask can reach."""

from collections.abc import Mapping

import numpy as np

from auralflow_core.audio.check import check_layout
from auralflow_core.dsp.stft import stft
from auralflow_core.dsp.windows import hann_window
from auralflow_core.errors import InputError
from auralflow_core.storage.temp_arrays import Allocate, in_memory

# Frames that are transformed at once, so that memory does not grow with a track's length.
FRAMES = 64


def ideal_mask(
    mixture: np.ndarray,
    references: Mapping[str, np.ndarray],
    num_fft: int = 4096,
    hop: int = 1024,
    allocate: Allocate = in_memory,
) -> dict[str, np.ndarray]:
    """Applies the ideal ratio mask |S| / (|S| + |X - S|) to the mixture, whose phase is kept.

    Args:
        mixture: X, (channels, samples).
        references: S, the true signal of each target, (channels, samples).
        num_fft: length of transform and Hann window, in samples.
        hop: distance of neighbouring frames in samples, less than `num_fft`.
        allocate: makes the arrays of the results.

    Returns:
        The masked mixture for each target, (channels, samples).

    Raises:
        InputError: arrays that are no audio, or whose shapes differ.
    """
    for name, audio in {"mixture": mixture, **references}.items():
        check_layout(audio, name)
        if audio.shape != mixture.shape:
            raise InputError(f"{name} has shape {audio.shape}, and the mixture {mixture.shape}; both must be the same")
    window = hann_window(num_fft, num_fft)
    channels, samples = mixture.shape
    results = {name: allocate(mixture.shape) for name in references}
    # Frames reach from before the first sample to after the last one, so that all samples lie in as many frames.
    frames = -(-(samples + num_fft) // hop) + 1
    sums = {name: np.zeros((channels, FRAMES * hop + num_fft)) for name in references}
    envelope = np.zeros(FRAMES * hop + num_fft)
    for first in range(0, frames, FRAMES):
        start = first * hop - num_fft
        mixed = stft(mixture, window, hop, start, FRAMES)
        for at in range(0, FRAMES * hop, hop):
            envelope[at : at + num_fft] += window**2
        for name, reference in references.items():
            target = stft(reference, window, hop, start, FRAMES)
            total = np.abs(target) + np.abs(mixed - target)
            segments = np.fft.irfft(np.abs(target) / np.where(total == 0, 1, total) * mixed, num_fft) * window
            for index in range(FRAMES):
                sums[name][:, index * hop : index * hop + num_fft] += segments[:, index]
            # Samples that no later frame reaches are complete.
            stop = max(0, min(FRAMES * hop, samples - start))
            begin = min(max(0, -start), stop)
            results[name][:, start + begin : start + stop] = sums[name][:, begin:stop] / envelope[begin:stop]
        for total in (envelope, *sums.values()):
            total[..., :num_fft] = total[..., FRAMES * hop :]
            total[..., num_fft:] = 0
    return results
