"""Around two networks, of which one sees the spectrum and one the samples."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from auralflow_core.config.networks.demucs import DemucsConfig
from auralflow_jax.layers.hop_frames import analyze_hops, synthesize_hops

SILENT = 1e-5  # added to the deviation that an input is divided by
GAIN = 10.0  # of the table of bins, so that it learns quicker than the other weights


def estimate_both(
    mixture: jax.Array, config: DemucsConfig, branches: Callable[[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]
) -> jax.Array:
    """The sum of what a spectrum's network and a waveform's network estimate.

    Both inputs are normalised by mean and deviation, which the outputs get back.

    Args:
        mixture: (batch, channels, samples), of any length.
        config: of the networks.
        branches: maps (batch, bins, frames, numbers), each channel's real and imaginary part, and (batch, samples,
            channels) to the same of all targets.

    Returns:
        Audio (batch, targets, channels, samples).
    """
    (batch, channels, samples), targets = mixture.shape, len(config.targets)
    audio = mixture.astype(np.promote_types(mixture.dtype, np.float32))
    spectrum = analyze_hops(audio, config.num_fft).transpose(0, 2, 3, 1)
    bins, frames = spectrum.shape[1:3]
    parts = jnp.stack([spectrum.real, spectrum.imag], axis=-1).reshape(batch, bins, frames, -1)
    x, mean, deviation = normalize(parts)
    y, wave_mean, wave_deviation = normalize(audio.swapaxes(1, 2))
    x, y = branches(x, y)

    x = (x.astype(audio.dtype) * deviation + mean).reshape(batch, bins, frames, targets, channels, 2)
    x = lax.complex(x[..., 0], x[..., 1]).transpose(0, 3, 4, 1, 2)
    y = (y.astype(audio.dtype) * wave_deviation + wave_mean).reshape(batch, samples, targets, channels)
    return (synthesize_hops(x, samples) + y.transpose(0, 2, 3, 1)).astype(mixture.dtype)


def normalize(x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Each example of (batch, ...) without its mean, divided by its deviation; then these two."""
    axes = tuple(range(1, x.ndim))
    mean = x.mean(axes, keepdims=True)
    variance = jnp.square(x - mean).sum(axes, keepdims=True) / max(x[0].size - 1, 1)
    silent = variance == 0  # where the root would have no gradient
    deviation = jnp.where(silent, 0, jnp.sqrt(jnp.where(silent, 1, variance)))
    return (x - mean) / (deviation + SILENT), mean, deviation


def tell_bins(x: jax.Array, table: jax.Array, weight: float) -> jax.Array:
    """(batch, bins, frames, channels) with a table (bins, channels) added."""
    return x + (weight * GAIN * table[None, :, None]).astype(x.dtype)


def smooth_table(key: jax.Array, shape: tuple[int, int]) -> jax.Array:
    """Rows of variance GAIN ** -2 that differ little from the ones before them: a random walk, levelled."""
    steps = jnp.arange(1, shape[0] + 1, dtype=jnp.float32)[:, None]
    return jnp.cumsum(jax.random.normal(key, shape, jnp.float32), axis=0) / jnp.sqrt(steps) / GAIN
