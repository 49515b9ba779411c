"""Spectra: short-time Fourier transform and its inverse, magnitudes, mel bands (`auralflow_core.dsp.mel`), decibels.

The transforms follow the conventions of `torch.stft` and `torch.istft`: periodic Hann window or ones, frames centred
on multiples of the hop, a window shorter than the transform centred in it. All functions are pure and
differentiable; integers are static under jit. float64 and complex128 pass through, all else is float32.
"""

import functools
import operator
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from auralflow_core.audio.check import check_signals, check_type
from auralflow_core.dsp.windows import Window, centred_window, check_signal, check_sizes, check_spectrum
from auralflow_jax.fourier import irfft, rfft

Padding = Literal["reflect", "constant"]

__all__ = ["Padding", "istft", "magnitude", "pad_to_hop", "stft", "to_decibel", "to_mel"]


@functools.partial(jax.jit, static_argnames=("num_fft", "hop_length", "window_size", "padding", "window"))
def stft(
    audio: jax.Array,
    num_fft: int,
    hop_length: int,
    window_size: int,
    padding: Padding = "reflect",
    window: Window = "hann",
) -> jax.Array:
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
        >>> stft(jnp.zeros((2, 44100)), 2048, 768, 2048).shape
        (2, 1025, 58)
    """
    check_sizes(num_fft, hop_length, window_size)
    check_signal(audio.shape, num_fft, padding)
    check_signals(audio)
    half = num_fft // 2
    audio = audio.astype(jnp.float64 if audio.dtype == jnp.float64 else jnp.float32)
    padded = jnp.pad(audio, [(0, 0)] * (audio.ndim - 1) + [(half, half)], mode=padding)
    frames = 1 + (padded.shape[-1] - num_fft) // hop_length
    shape = centred_window(num_fft, window_size, window).astype(audio.dtype)
    segments = _frame(padded, frames, num_fft, hop_length)
    return jnp.swapaxes(rfft(segments * jnp.broadcast_to(shape, segments.shape)), -1, -2)


@functools.partial(jax.jit, static_argnames=("num_fft", "hop_length", "window_size", "samples", "window"))
def istft(
    spectrum: jax.Array, num_fft: int, hop_length: int, window_size: int, samples: int, window: Window = "hann"
) -> jax.Array:
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
    check_spectrum(spectrum.shape, num_fft, hop_length, window_size, samples, window)
    envelope = _envelope(spectrum.shape[-1], num_fft, hop_length, window_size, samples, window)
    segments = irfft(jnp.swapaxes(spectrum, -1, -2), num_fft)
    shape = centred_window(num_fft, window_size, window).astype(segments.dtype)
    audio = _overlap_add(segments * jnp.broadcast_to(shape, segments.shape), hop_length)
    audio = audio[..., num_fft // 2 : num_fft // 2 + samples]
    return audio / jnp.broadcast_to(envelope.astype(segments.dtype), audio.shape)


def pad_to_hop(audio: jax.Array, hop_length: int) -> jax.Array:
    """Appends zeros to (..., samples) up to a whole number of hops.

    Without it the samples after the last whole hop lie under the falling edge of the last window alone, where
    an inverse magnifies whatever a mask did; and where `hop_length` exceeds half the window, some lie under none
    at all and `istft` refuses. With it, half a window of overlap keeps every sample near the centre of a frame.
    `istft` cuts the zeros off again when it is given the original number of samples.

    Example:
        >>> pad_to_hop(jnp.ones((2, 1000)), 768).shape
        (2, 1536)
    """
    return jnp.pad(audio, [(0, 0)] * (audio.ndim - 1) + [(0, -audio.shape[-1] % hop_length)])


def magnitude(spectrum: jax.Array) -> jax.Array:
    """|X| of a complex array of any shape, with the gradient zero, not NaN, where X is zero."""
    power = jnp.real(spectrum) ** 2 + jnp.imag(spectrum) ** 2
    silent = power == 0
    return jnp.where(silent, 0, jnp.sqrt(jnp.where(silent, 1, power)))


def to_mel(spectrum: jax.Array, filterbank: np.ndarray) -> jax.Array:
    """Mel bands (..., mels, frames) of magnitudes or powers (..., bins, frames); filters (mels, bins)."""
    return jnp.matmul(jnp.asarray(filterbank, spectrum.dtype), spectrum, precision="highest")


def to_decibel(
    spectrum: jax.Array,
    power: bool = False,
    reference: float | None = 1.0,
    floor: float = 1e-5,
    top_db: float | None = 80.0,
    axis: int | tuple[int, ...] = (-2, -1),
) -> jax.Array:
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
    # The maximum of the input, not of its logarithm, which a compiler may compute twice with different rounding;
    # then nothing equals the maximum, and its gradient is NaN.
    peak = spectrum.max(axis, keepdims=True)
    level, loudest = (factor * jnp.log10(jnp.maximum(x, floor)) for x in (spectrum, peak))
    zero = loudest if reference is None else factor * float(np.log10(max(reference, floor)))
    return level - zero if top_db is None else jnp.maximum(level, loudest - top_db) - zero


def _frame(padded: jax.Array, frames: int, size: int, hop: int) -> jax.Array:
    """(..., samples) to overlapping (..., frames, size).

    Rows of one hop, shifted and set side by side: as quick as a gather, and the gradient needs no scatter, which
    is not reproducible on every device.
    """
    pieces = -(-size // hop)
    needed = (frames + pieces - 1) * hop
    padded = jnp.pad(padded, [(0, 0)] * (padded.ndim - 1) + [(0, max(0, needed - padded.shape[-1]))])
    rows = padded[..., :needed].reshape(*padded.shape[:-1], frames + pieces - 1, hop)
    return jnp.concatenate([rows[..., k : k + frames, :] for k in range(pieces)], axis=-1)[..., :size]


def _overlap_add(segments: jax.Array | np.ndarray, hop: int) -> jax.Array:
    """The transpose of `_frame`: (..., frames, size) to (..., samples) with at least size + (frames - 1) hop."""
    *batch, _frames, size = segments.shape
    pieces = -(-size // hop)
    spread = [(0, 0)] * len(batch)
    segments = jnp.pad(segments, [*spread, (0, 0), (0, pieces * hop - size)])
    rows = (
        jnp.pad(segments[..., k * hop : (k + 1) * hop], [*spread, (k, pieces - 1 - k), (0, 0)]) for k in range(pieces)
    )
    return functools.reduce(operator.add, rows).reshape(*batch, -1)


def _envelope(frames: int, num_fft: int, hop: int, window_size: int, samples: int, window: Window) -> np.ndarray:
    """Sum of the squared windows over the samples that come back, float64: a constant of the sizes."""
    square = centred_window(num_fft, window_size, window) ** 2
    total = np.zeros(num_fft + (frames - 1) * hop)
    for start in range(0, frames * hop, hop):
        total[start : start + num_fft] += square
    return total[num_fft // 2 : num_fft // 2 + samples]
