"""Spectra: short-time Fourier transform and its inverse, magnitudes, mel bands (`auralflow_core.dsp.mel`), decibels.

The transforms follow the conventions of `torch.stft` and `torch.istft`: periodic Hann window or ones, frames centred
on multiples of the hop, a window shorter than the transform centred in it. All functions are differentiable and work on
any device. float64 and complex128 pass through, all else is float32.
"""

import math
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from auralflow_core.audio.check import check_signals, check_type
from auralflow_core.dsp.windows import Window, centred_window, check_signal, check_sizes, check_spectrum

Padding = Literal["reflect", "constant"]

__all__ = ["Padding", "istft", "magnitude", "pad_to_hop", "stft", "to_decibel", "to_mel"]


def stft(
    audio: Tensor,
    num_fft: int,
    hop_length: int,
    window_size: int,
    padding: Padding = "reflect",
    window: Window = "hann",
) -> Tensor:
    """Short-time Fourier transform.

    Args:
        audio: real signal, (..., samples).
        num_fft: length of each transform, in samples.
        hop_length: distance of neighbouring frames, in samples.
        window_size: length of the window, in samples; at most `num_fft`.
        padding: how half a transform is added at each end: the signal mirrored, or zeros.
        window: a Hann window, or ones.

    Returns:
        Complex spectrum (..., bins, frames) with `num_fft // 2 + 1` bins; for an even `num_fft` there are
        `1 + samples // hop_length` frames. See `pad_to_hop` for the samples after the last whole hop.

    Raises:
        InputError: sizes out of order, a signal too short to be mirrored, integers, or a transposed array.

    Example:
        >>> stft(torch.zeros(2, 44100), 2048, 768, 2048).shape
        torch.Size([2, 1025, 58])
    """
    check_sizes(num_fft, hop_length, window_size)
    check_signal(tuple(audio.shape), num_fft, padding)
    check_signals(audio)
    audio = audio.to(torch.float64 if audio.dtype == torch.float64 else torch.float32)
    # torch takes (batch, samples) at most.
    spectrum = torch.stft(
        audio.reshape(-1, audio.shape[-1]),
        num_fft,
        hop_length,
        window=_window(num_fft, window_size, window, audio),
        pad_mode=padding,
        return_complex=True,
    )
    return spectrum.reshape(*audio.shape[:-1], *spectrum.shape[-2:])


def istft(
    spectrum: Tensor, num_fft: int, hop_length: int, window_size: int, samples: int, window: Window = "hann"
) -> Tensor:
    """Inverse short-time Fourier transform, by least squares.

    Overlapping frames are windowed again, added, and divided by the sum of the squared windows (Griffin and Lim,
    "Signal estimation from modified short-time Fourier transform", IEEE TASSP 1984, eq. 6).

    Args:
        spectrum: complex spectrum, (..., bins, frames).
        num_fft: length of each transform, in samples.
        hop_length: distance of neighbouring frames, in samples.
        window_size: length of the window, in samples.
        samples: length of the signal that went into `stft`.
        window: a Hann window, or ones.

    Returns:
        Real signal (..., samples), of exactly that length.

    Raises:
        InputError: real numbers, bins that do not fit `num_fft`, or some samples are covered by no frame: the hop is
            the whole window, or there are too few frames (see `pad_to_hop`).
    """
    check_type(spectrum, "spectrum", "complex")
    check_spectrum(tuple(spectrum.shape), num_fft, hop_length, window_size, samples, window)
    audio = torch.istft(
        spectrum.reshape(-1, *spectrum.shape[-2:]),
        num_fft,
        hop_length,
        window=_window(num_fft, window_size, window, spectrum.real),
        length=samples,
    )
    return audio.reshape(*spectrum.shape[:-2], samples)


def pad_to_hop(audio: Tensor, hop_length: int) -> Tensor:
    """Appends zeros to (..., samples) up to a whole number of hops.

    Without it the samples after the last whole hop lie under the falling edge of the last window alone, where
    an inverse magnifies whatever a mask did; and where `hop_length` exceeds half the window, some lie under none
    at all and `istft` refuses. With it, half a window of overlap keeps every sample near the centre of a frame.
    `istft` cuts the zeros off again when it is given the original number of samples.

    Example:
        >>> pad_to_hop(torch.ones(2, 1000), 768).shape
        torch.Size([2, 1536])
    """
    return F.pad(audio, (0, -audio.shape[-1] % hop_length))


def magnitude(spectrum: Tensor) -> Tensor:
    """|X| of a complex tensor of any shape, with the gradient zero, not NaN, where X is zero."""
    return spectrum.abs()


def to_mel(spectrum: Tensor, filterbank: np.ndarray) -> Tensor:
    """Mel bands (..., mels, frames) of magnitudes or powers (..., bins, frames); filters (mels, bins)."""
    return torch.matmul(torch.from_numpy(filterbank).to(spectrum), spectrum)


def to_decibel(
    spectrum: Tensor,
    power: bool = False,
    reference: float | None = 1.0,
    floor: float = 1e-5,
    top_db: float | None = 80.0,
    axis: int | tuple[int, ...] = (-2, -1),
) -> Tensor:
    """Decibels as librosa's `amplitude_to_db` and, with `power`, `power_to_db` define them, for each item separately.

    Args:
        spectrum: magnitudes, or powers, (..., bins, frames).
        power: whether they are powers.
        reference: the magnitude (or power) that is 0 dB; None: each item's own maximum.
        floor: smaller magnitudes (or powers) are raised to it; librosa takes 1e-10 for powers.
        top_db: cut off what lies this far below an item's maximum; None: nothing.
        axis: the axes that make up one item.

    Returns:
        The same shape, in dB.
    """
    factor = 10.0 if power else 20.0
    peak = spectrum.amax(axis, keepdim=True)
    level, loudest = (factor * x.clamp(min=floor).log10() for x in (spectrum, peak))
    zero = loudest if reference is None else factor * math.log10(max(reference, floor))
    return level - zero if top_db is None else torch.maximum(level, loudest - top_db) - zero


def _window(num_fft: int, window_size: int, window: Window, like: Tensor) -> Tensor:
    return torch.from_numpy(centred_window(num_fft, window_size, window)).to(like.device, like.dtype)
