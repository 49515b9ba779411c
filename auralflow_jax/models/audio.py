"""Separation models of networks from waveforms to waveforms."""

import jax
import jax.numpy as jnp

from auralflow_jax.models.base import Estimate, SeparationModel, Variables


class AudioModel(SeparationModel):
    """Separation in the waveform domain: the network itself makes audio of audio.

    The network maps mixtures (batch, channels, samples) to audio (batch, targets, channels, samples) and a latent
    variable.
    """

    FAMILY = "audio"

    def example(self, samples: int) -> jax.Array:
        return jnp.zeros((1, self.num_channels, samples), jnp.float32)

    def _run(self, variables: Variables, audio: jax.Array, train: bool, key: jax.Array | None) -> tuple[Estimate, dict]:
        (estimate, latent), batch_stats = self._call(variables, audio, train, key)
        return self.represent(estimate)._replace(latent=latent), batch_stats

    def represent(self, audio: jax.Array) -> Estimate:
        return Estimate(audio)
