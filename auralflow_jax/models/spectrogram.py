"""Models of networks from magnitudes to masks."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from auralflow_core.config import SpectrogramConfig
from auralflow_jax import spectral
from auralflow_jax.layers.front_end import analyze, complete, synthesize
from auralflow_jax.models.base import Estimate, SeparationModel


@dataclass(frozen=True)
class SpectrogramModel(SeparationModel):
    """Audio in, estimates out: STFT, a network that sees the lowest bins, masks joined, inverse STFT.

    Attributes:
        network: linen module, magnitudes (batch, channels, bins, frames) -> masks (batch, targets, channels,
            bins, frames), latent.
        config: the front end.
    """

    config: SpectrogramConfig

    def example(self, samples: int) -> jax.Array:
        config = self.config
        return jnp.zeros((1, config.num_channels, config.num_bins, config.count_frames(samples)))

    def apply_and_update(
        self, variables: dict, mixture: jax.Array, train: bool, key: jax.Array | None = None
    ) -> tuple[Estimate, dict]:
        spectrum = analyze(mixture, self.config)
        magnitude = spectral.magnitude(spectrum)
        (mask, latent), batch_stats = self.run(variables, magnitude[:, :, : self.config.num_bins], train, key)
        mask = complete(mask, magnitude.shape[-2], self.config)
        audio = synthesize(mask * spectrum[:, None], mixture.shape[-1], self.config)
        return Estimate(audio, mask * magnitude[:, None], mask, latent), batch_stats

    def describe(self, audio: jax.Array) -> Estimate:
        return Estimate(audio, spectral.magnitude(analyze(audio, self.config)))
