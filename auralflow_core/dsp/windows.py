"""Windows of the short-time Fourier transform, and checks of its sizes."""

from typing import Literal

import numpy as np

from auralflow_core.errors import InputError

# A sample is undetermined if its sum of squared windows is below this; the same limit as in torch.istft.
SMALLEST_ENVELOPE = 1e-11

Window = Literal["hann", "ones"]


def check_sizes(num_fft: int, hop_length: int, window_size: int) -> None:
    """Raises an InputError if a transform cannot have these sizes, in samples."""
    if hop_length < 1 or not 1 <= window_size <= num_fft:
        raise InputError(
            f"num_fft >= window_size >= 1 and hop_length >= 1 are needed, got num_fft {num_fft}, "
            f"window_size {window_size}, hop_length {hop_length}"
        )


def check_signal(shape: tuple[int, ...], num_fft: int, padding: str) -> None:
    """Raises an InputError if a signal of this shape, (..., samples), cannot be padded by half a transform."""
    if len(shape) == 0 or shape[-1] == 0:
        raise InputError(f"stft needs audio of shape (..., samples) with samples, got {shape}")
    if padding not in ("reflect", "constant"):
        raise InputError(f"padding must be 'reflect' or 'constant', got {padding!r}")
    if padding == "reflect" and shape[-1] <= num_fft // 2:
        raise InputError(
            f"reflect padding by num_fft // 2 = {num_fft // 2} needs more samples than that, got audio of "
            f"shape {shape}; the last axis must be samples"
        )


def check_spectrum(
    shape: tuple[int, ...], num_fft: int, hop_length: int, window_size: int, samples: int, window: Window = "hann"
) -> None:
    """Checks that a spectrum of a shape determines every sample of a signal.

    Args:
        shape: (..., bins, frames).
        num_fft: length of each transform, in samples.
        hop_length: distance of neighbouring frames, in samples.
        window_size: length of the window, in samples.
        samples: length of the signal.
        window: its kind.

    Raises:
        InputError: sizes are out of range, bins do not fit `num_fft`, or samples lie in no frame.
    """
    check_sizes(num_fft, hop_length, window_size)
    if len(shape) < 2 or shape[-2] != num_fft // 2 + 1 or shape[-1] == 0:
        raise InputError(
            f"istft with num_fft {num_fft} needs a spectrum of shape (..., {num_fft // 2 + 1} bins, "
            f"frames), got {shape}"
        )
    covered = np.flatnonzero(centred_window(num_fft, window_size, window) ** 2 > SMALLEST_ENVELOPE)
    first, width = (covered[0], len(covered)) if len(covered) else (0, 0)
    # Places of the signal's samples after the first covered one; the signal begins in the middle of the first frame.
    start, stop = num_fft // 2 - first, num_fft // 2 - first + samples
    end = (shape[-1] - 1) * hop_length + width
    if hop_length <= width:
        uncovered = max(0, stop - end)
    else:
        place = np.arange(start, stop)
        uncovered = np.count_nonzero((place % hop_length >= width) | (place >= end))
    if uncovered:
        raise InputError(
            f"{shape[-1]} frames with window_size {window_size} and hop_length {hop_length} leave "
            f"{uncovered} of {samples} samples undetermined; a hop below the window and pad_to_hop before "
            "stft avoid it"
        )


def hann_window(num_fft: int, window_size: int) -> np.ndarray:
    """A periodic Hann window in the middle of `num_fft` samples, float64."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window_size) / window_size)
    left = (num_fft - window_size) // 2
    return np.pad(hann, (left, num_fft - window_size - left))


def centred_window(num_fft: int, window_size: int, window: Window = "hann") -> np.ndarray:
    """A window in the middle of `num_fft` samples, float64: a periodic Hann window, or ones.

    Raises:
        InputError: another window.
    """
    if window == "hann":
        return hann_window(num_fft, window_size)
    if window != "ones":
        raise InputError(f"window must be 'hann' or 'ones', got {window!r}")
    left = (num_fft - window_size) // 2
    return np.pad(np.ones(window_size), (left, num_fft - window_size - left))
