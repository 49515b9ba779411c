"""Short-time Fourier transform in numpy, of any part of a signal."""

import numpy as np

from auralflow_core.audio.check import check_layout


def stft(
    audio: np.ndarray, window: np.ndarray, hop: int, start: int, frames: int, num_fft: int | None = None
) -> np.ndarray:
    """Spectra of the frames that begin at the samples `start`, `start + hop`, ...; silence surrounds the signal.

    Args:
        audio: (channels, samples).
        window: (window_size,), such as `windows.hann_window`.
        hop: distance of neighbouring frames, in samples.
        start: the first sample of the first frame; it may be negative.
        frames: number of frames.
        num_fft: length of the transform, in samples, at least the window's, with zeros at the end of every frame;
            default: the window's length.

    Returns:
        Complex (channels, frames, bins).

    Raises:
        InputError: an array that is no audio (see `auralflow_core.audio.check`).

    Example:
        >>> stft(np.ones((1, 6)), np.ones(2), hop=2, start=-2, frames=4).real[0].tolist()
        [[0.0, 0.0], [2.0, 0.0], [2.0, 0.0], [2.0, 0.0]]
    """
    check_layout(audio)
    length = (frames - 1) * hop + len(window)
    part = np.asarray(audio[:, max(0, start) : max(0, start + length)], np.float64)
    before = min(max(0, -start), length)
    part = np.pad(part, [(0, 0), (before, length - before - part.shape[-1])])
    return np.fft.rfft(np.lib.stride_tricks.sliding_window_view(part, len(window), axis=-1)[:, ::hop] * window, num_fft)
