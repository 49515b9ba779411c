"""The front end that makes a separation model of any network from magnitudes to masks."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import linen as nn

from auralflow.config import SpectrogramConfig
from auralflow_jax import spectral
from auralflow_jax.networks.estimate import Estimate


@dataclass(frozen=True)
class SpectrogramModel:
    """Audio in, estimates out: STFT, a network that sees the lowest bins, masks joined, inverse STFT.

    Attributes:
        network: linen module, magnitudes (batch, channels, bins, frames) -> masks (batch, targets, channels,
            bins, frames), latent.
        config: the front end.
    """

    network: nn.Module
    config: SpectrogramConfig

    def init(self, key: jax.Array, samples: int) -> dict:
        """Initial variables, for audio of `samples` samples: `params` and `batch_stats`."""
        config = self.config
        magnitude = jnp.zeros((1, config.num_channels, config.num_bins, config.count_frames(samples)))
        variables = self.network.init(key, magnitude)
        return {"params": variables["params"], "batch_stats": variables.get("batch_stats", {})}

    def apply(self, variables: dict, mixture: jax.Array, train: bool = False, key: jax.Array | None = None) -> Estimate:
        """Estimates the targets in a mixture (batch, channels, samples).

        Args:
            variables: `params` and `batch_stats`.
            mixture: audio at the model's rate.
            train: see the network.
            key: random key, needed while training.
        """
        return self.apply_and_update(variables, mixture, train, key)[0]

    def apply_and_update(self, variables: dict, mixture: jax.Array, train: bool,
                         key: jax.Array | None = None) -> tuple[Estimate, dict]:
        """`apply`, and the batch statistics after it."""
        spectrum = self._stft(mixture)
        magnitude = spectral.magnitude(spectrum)
        rngs = None if key is None else dict(zip(("dropout", "noise"), jax.random.split(key), strict=True))
        (mask, latent), updated = self.network.apply(
            variables, magnitude[:, :, :self.config.num_bins], train, rngs=rngs,
            mutable=["batch_stats"] if train else [])
        mask = extend(join(mask, self.config.joiner), magnitude.shape[-2], self.config.high_bins)
        audio = spectral.istft(mask * spectrum[:, None], self.config.num_fft, self.config.hop_length,
                               self.config.window_size, mixture.shape[-1])
        estimate = Estimate(audio, mask * magnitude[:, None], mask, latent)
        return estimate, updated.get("batch_stats", variables["batch_stats"])

    def describe(self, audio: jax.Array) -> Estimate:
        """Known audio (batch, targets, channels, samples) in the terms of an estimate: a loss's other side."""
        return Estimate(audio, spectral.magnitude(self._stft(audio)))

    def _stft(self, audio: jax.Array) -> jax.Array:
        config = self.config
        audio = spectral.pad_to_hop(audio, config.hop_length)
        return spectral.stft(audio, config.num_fft, config.hop_length, config.window_size, config.padding)


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
