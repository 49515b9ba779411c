"""Fourier transforms as products of real matrices, for runtimes that know no complex numbers.

A transform of N = P Q numbers is one of P, a turn of each number, and one of Q (Cooley and Tukey, "An algorithm for the
machine calculation of complex Fourier series", Math. Comp. 1965), so that the matrices stay small.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


class Parts(NamedTuple):
    """Complex numbers.

    Attributes:
        real, imag: tensors of one shape.
    """

    real: Tensor
    imag: Tensor


def real_stft(audio: Tensor, num_fft: int, hop_length: int, window: Tensor, padding: str) -> Parts:
    """`torch.stft` of centred frames.

    Args:
        audio: (rows, samples).
        num_fft: length of each transform, in samples.
        hop_length: distance of neighbouring frames, in samples.
        window: (num_fft,).
        padding: `reflect` or `constant`.

    Returns:
        (rows, bins, frames).
    """
    half = num_fft // 2
    padded = F.pad(audio.unsqueeze(1), (half, half), mode=padding).squeeze(1)
    frames = 1 + audio.shape[-1] // hop_length
    spectrum = real_rfft(cut_frames(padded, num_fft, hop_length, frames) * window)
    return Parts(spectrum.real.transpose(1, 2), spectrum.imag.transpose(1, 2))


def real_istft(spectrum: Parts, num_fft: int, hop_length: int, window: Tensor, samples: int) -> Tensor:
    """`torch.istft` of centred frames.

    Args:
        spectrum: (rows, bins, frames).
        num_fft: length of each transform, in samples.
        hop_length: distance of neighbouring frames, in samples.
        window: (num_fft,).
        samples: length of the signal.

    Returns:
        (rows, samples).
    """
    frames, half = spectrum.real.shape[-1], num_fft // 2
    parts = Parts(spectrum.real.transpose(1, 2), spectrum.imag.transpose(1, 2))
    added = add_frames(real_irfft(parts, num_fft) * window, hop_length)
    envelope = add_squares(window, hop_length, frames)
    needed = max(0, half + samples - added.shape[-1])  # what no frame reaches is silent
    inside = slice(half, half + samples)
    return F.pad(added, (0, needed))[:, inside] / F.pad(envelope, (0, needed), value=1.0)[inside]


def cut_frames(audio: Tensor, size: int, hop: int, frames: int) -> Tensor:
    """Frames (rows, frames, size) of (rows, samples), by slices of whole hops."""
    parts = -(-size // hop)  # of a frame
    samples = (frames + parts - 1) * hop
    hops = F.pad(audio, (0, max(0, samples - audio.shape[-1])))[:, :samples].unflatten(1, (-1, hop))
    return torch.cat([hops[:, part : part + frames] for part in range(parts)], dim=-1)[..., :size]


def add_frames(frames: Tensor, hop: int) -> Tensor:
    """The sum (rows, samples) of frames (rows, frames, size) that follow each other by a hop."""
    parts = -(-frames.shape[-1] // hop)
    pieces = F.pad(frames, (0, parts * hop - frames.shape[-1])).unflatten(-1, (parts, hop)).unbind(-2)
    return sum(F.pad(piece, (0, 0, part, parts - 1 - part)) for part, piece in enumerate(pieces)).flatten(1)  # pyright: ignore


def add_squares(window: Tensor, hop: int, frames: int) -> Tensor:
    """The sum (samples,) of the squares of a window (size,) that stands in each of many frames."""
    parts = -(-window.shape[0] // hop)
    # [hop, part] is 1 where the part of a frame lies in the hop
    place = np.subtract.outer(np.arange(frames + parts - 1), np.arange(parts))
    reached = _constant((place >= 0) & (place < frames), window)
    pieces = F.pad(window * window, (0, parts * hop - window.shape[0])).unflatten(0, (parts, hop))
    return (reached @ pieces).flatten()


def real_rfft(x: Tensor) -> Parts:
    """The lower half of the Fourier transform of the last axis, as `torch.fft.rfft`."""
    size = x.shape[-1]
    bins = size // 2 + 1
    found = _transform(Parts(x, torch.zeros_like(x)) if size == 1 else Parts(x, x), size, sign=-1.0, is_real=True)
    return Parts(found.real[..., :bins], found.imag[..., :bins])


def real_irfft(spectrum: Parts, size: int) -> Tensor:
    """The real signal of `size` samples whose lower half of the spectrum this is, as `torch.fft.irfft`."""
    bins = size // 2 + 1
    weights = np.full(bins, 2.0 / size)  # each bin stands for its mirror image, too
    weights[0] = 1.0 / size
    if size % 2 == 0:
        weights[-1] = 1.0 / size
    scale = _constant(weights, spectrum.real)
    above = (0, size - bins)
    whole = Parts(*(F.pad(part[..., :bins] * scale, above) for part in spectrum))
    return _transform(whole, size, sign=1.0, is_real=False).real


def _transform(x: Parts, size: int, sign: float, is_real: bool) -> Parts:
    """The sums over n of x[n] exp(sign 2 pi i n k / size) along the last axis; of a real signal `x.real` is it."""
    rows = largest_divisor(size)
    columns = size // rows

    def turns(values: Sequence[int] | np.ndarray, period: int) -> tuple[Tensor, Tensor]:
        angles = sign * 2 * np.pi * (np.asarray(values) % period) / period
        return _constant(np.cos(angles), x.real), _constant(np.sin(angles), x.real)

    # to (..., rows, columns), n = columns row + column
    real = x.real.unflatten(-1, (rows, columns))
    cos, sin = turns(np.outer(np.arange(rows), np.arange(rows)), rows)
    if is_real:
        real, imag = cos @ real, sin @ real
    else:
        imag = x.imag.unflatten(-1, (rows, columns))
        real, imag = cos @ real - sin @ imag, sin @ real + cos @ imag
    cos, sin = turns(np.outer(np.arange(rows), np.arange(columns)), size)
    real, imag = real * cos - imag * sin, real * sin + imag * cos
    cos, sin = turns(np.outer(np.arange(columns), np.arange(columns)), columns)
    real, imag = real @ cos - imag @ sin, real @ sin + imag @ cos
    # k = row + rows column
    return Parts(real.transpose(-1, -2).flatten(-2), imag.transpose(-1, -2).flatten(-2))


def largest_divisor(size: int) -> int:
    """The largest divisor that is not above the square root.

    Example:
        >>> largest_divisor(2048), largest_divisor(345), largest_divisor(7)
        (32, 15, 1)
    """
    return next(number for number in range(math.isqrt(size), 0, -1) if size % number == 0)


def _constant(values: np.ndarray, like: Tensor) -> Tensor:
    return torch.from_numpy(values).to(like)
