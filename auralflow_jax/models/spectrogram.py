"""Separation models of networks from magnitudes to masks."""

from typing import cast

import jax
import jax.numpy as jnp

from auralflow_core.config import SpectrogramConfig
from auralflow_jax import spectral
from auralflow_jax.layers.front_end import analyze, complete, synthesize
from auralflow_jax.models.base import Estimate, SeparationModel, Variables


class SpectrogramMaskModel(SeparationModel):
    """Deep mask estimation: STFT, a network that sees the lowest bins, masks joined, the mixture's phase, inverse STFT.

    The network maps magnitudes (batch, channels, bins, frames) to masks (batch, targets, channels, bins, frames) and
    a latent variable.
    """

    FAMILY = "spectrogram"

    @property
    def front_end(self) -> SpectrogramConfig:
        """The settings of the STFT and of the masks."""
        return cast(SpectrogramConfig, self.settings.model)

    def example(self, samples: int) -> jax.Array:
        frames = self.front_end.count_frames(samples)
        return jnp.zeros((1, self.num_channels, self.front_end.num_bins, frames), jnp.float32)

    def _run(self, variables: Variables, audio: jax.Array, train: bool, key: jax.Array | None) -> tuple[Estimate, dict]:
        spectrum = analyze(audio, self.front_end)
        magnitude = spectral.magnitude(spectrum)
        (mask, latent), batch_stats = self._call(variables, magnitude[:, :, : self.front_end.num_bins], train, key)
        mask = complete(mask, magnitude.shape[-2], self.front_end)
        estimate = synthesize(mask.astype(spectrum.dtype) * spectrum[:, None], audio.shape[-1], self.front_end)
        return Estimate(estimate, mask * magnitude[:, None], mask, latent), batch_stats

    def represent(self, audio: jax.Array) -> Estimate:
        return Estimate(audio, spectral.magnitude(analyze(audio, self.front_end)))
