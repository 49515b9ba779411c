"""Models of networks from waveforms to waveforms."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from auralflow_jax.models.base import Estimate, SeparationModel


@dataclass(frozen=True)
class AudioModel(SeparationModel):
    """Audio in, estimates out, without a spectrum.

    Attributes:
        network: linen module, mixtures (batch, channels, samples) -> audio (batch, targets, channels, samples),
            latent.
        config: the model's settings.
    """

    def example(self, samples: int) -> jax.Array:
        return jnp.zeros((1, self.config.num_channels, samples))

    def apply_and_update(
        self, variables: dict, mixture: jax.Array, train: bool, key: jax.Array | None = None
    ) -> tuple[Estimate, dict]:
        (audio, latent), batch_stats = self.run(variables, mixture, train, key)
        return self.describe(audio)._replace(latent=latent), batch_stats

    def describe(self, audio: jax.Array) -> Estimate:
        return Estimate(audio)
