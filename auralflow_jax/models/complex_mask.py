"""Separation models of networks from complex spectra to complex masks."""

from typing import cast

import jax
import jax.numpy as jnp
from jax import lax

from auralflow_core.config import ComplexSpectrogramConfig
from auralflow_jax import spectral
from auralflow_jax.layers.front_end import analyze, synthesize
from auralflow_jax.models.base import Estimate, SeparationModel, Variables


class ComplexModel(SeparationModel):
    """Complex masks: STFT, a network that sees real and imaginary parts, a complex product, inverse STFT.

    The network maps spectra (batch, channels, 2, bins, frames), real part before imaginary part, to masks (batch,
    targets, channels, 2, bins, frames) and a latent variable. No number inside it is complex, so that all types and
    devices can compute it.
    """

    FAMILY = "complex"

    @property
    def front_end(self) -> ComplexSpectrogramConfig:
        """The settings of the STFT."""
        return cast(ComplexSpectrogramConfig, self.settings.model)

    def example(self, samples: int) -> jax.Array:
        bins, frames = self.front_end.num_fft // 2 + 1, self.front_end.count_frames(samples)
        return jnp.zeros((1, self.num_channels, 2, bins, frames), jnp.float32)

    def _run(self, variables: Variables, audio: jax.Array, train: bool, key: jax.Array | None) -> tuple[Estimate, dict]:
        spectrum = analyze(audio, self.front_end)
        parts = jnp.stack([spectrum.real, spectrum.imag], axis=2)
        (mask, latent), batch_stats = self._call(variables, parts, train, key)
        mask = lax.complex(mask[:, :, :, 0], mask[:, :, :, 1])
        if self.front_end.zero_dc:
            mask = mask.at[..., 0, :].set(0)
        joined = mask * spectrum[:, None]
        estimate = synthesize(joined, audio.shape[-1], self.front_end)
        return Estimate(estimate, spectral.magnitude(joined), spectral.magnitude(mask), latent), batch_stats

    def represent(self, audio: jax.Array) -> Estimate:
        return Estimate(audio, spectral.magnitude(analyze(audio, self.front_end)))
