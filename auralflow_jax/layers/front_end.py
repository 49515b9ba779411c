"""The front end that makes a separation model of any network from magnitudes to masks."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from auralflow_core.config import SpectrogramConfig, StftConfig
from auralflow_jax import spectral


def analyze(audio: jax.Array, front_end: StftConfig) -> jax.Array:
    """The complex spectrum (..., bins, frames) of audio (..., samples), padded to as many hops as the network takes.

    Args:
        audio: at the model's rate.
        front_end: the settings of the STFT.
    """
    hop = front_end.hop_length
    zeros = front_end.count_hops(audio.shape[-1]) * hop - audio.shape[-1]
    audio = jnp.pad(audio, [(0, 0)] * (audio.ndim - 1) + [(0, zeros)])
    return spectral.stft(audio, front_end.num_fft, hop, front_end.window_size, front_end.padding, front_end.window_kind)


def synthesize(spectrum: jax.Array, samples: int, front_end: StftConfig) -> jax.Array:
    """The inverse of `analyze`, for audio of `samples` samples."""
    return spectral.istft(
        spectrum, front_end.num_fft, front_end.hop_length, front_end.window_size, samples, front_end.window_kind
    )


def complete(mask: jax.Array, bins: int, front_end: SpectrogramConfig) -> jax.Array:
    """A network's masks (batch, targets, channels, lowest bins, frames), joined and continued up to `bins`."""
    return extend(join(mask, front_end.joiner), bins, front_end.high_bins)


def join(mask: jax.Array, joiner: str) -> jax.Array:
    """Lets the targets' masks (batch, targets, channels, bins, frames) meet: as they are, softmax, power ratio."""
    if joiner == "softmax":
        return nn.softmax(mask, axis=1)
    if joiner == "ratio":
        power = jnp.square(mask)
        # 1e-10 as in a Wiener filter: where no target claims a bin, none gets it.
        return power / (power.sum(1, keepdims=True) + 1e-10)
    return mask


def extend(mask: jax.Array, bins: int, high_bins: str) -> jax.Array:
    """Continues a mask (..., bins, frames) upwards to `bins`: with zeros, its last bin, or its mean over bins."""
    *shape, seen, frames = mask.shape
    if high_bins == "zeros":
        above = jnp.zeros((), mask.dtype)
    elif high_bins == "last":
        above = mask[..., -1:, :]
    else:
        above = mask.mean(-2, keepdims=True)
    return jnp.concatenate([mask, jnp.broadcast_to(above, (*shape, bins - seen, frames))], axis=-2)
