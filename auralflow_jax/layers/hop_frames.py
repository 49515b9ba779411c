"""Spectra with one frame for each hop, in the middle of it, so that strided convolutions of samples keep step."""

import jax
import jax.numpy as jnp

from auralflow_jax.spectral import istft, stft

OUTSIDE = 2  # frames of `stft` at each end whose middle lies in the padding


def analyze_hops(audio: jax.Array, num_fft: int) -> jax.Array:
    """The spectrum of each hop, a quarter of the transform, without the bin of half the rate.

    The signal is mirrored at both ends; one that is too short for it is continued by zeros first.

    Args:
        audio: (..., samples).
        num_fft: samples of a transform and its window, a multiple of 8.

    Returns:
        Complex (..., num_fft / 2 bins, frames), times num_fft ** -0.5, with samples / hop frames, rounded up.
    """
    hop, samples = num_fft // 4, audio.shape[-1]
    left, right = 3 * hop // 2, 3 * hop // 2 + -samples % hop
    zeros = max(0, right + 1 - samples)
    kept = [(0, 0)] * (audio.ndim - 1)
    audio = jnp.pad(audio, [*kept, (0, zeros)])
    audio = jnp.pad(audio, [*kept, (left, right - zeros)], mode="reflect")
    spectrum = stft(audio, num_fft, hop, num_fft)[..., :-1, OUTSIDE:-OUTSIDE]
    return spectrum * jnp.asarray(num_fft**-0.5, spectrum.dtype)


def synthesize_hops(spectrum: jax.Array, samples: int) -> jax.Array:
    """The inverse of `analyze_hops`, for audio of `samples` samples."""
    *_, bins, frames = spectrum.shape
    num_fft, hop = 2 * bins, bins // 2
    spectrum = jnp.pad(spectrum, [(0, 0)] * (spectrum.ndim - 2) + [(0, 1), (OUTSIDE, OUTSIDE)])
    audio = istft(spectrum, num_fft, hop, num_fft, frames * hop + 3 * hop)
    return audio[..., 3 * hop // 2 :][..., :samples] * jnp.asarray(num_fft**0.5, audio.dtype)
