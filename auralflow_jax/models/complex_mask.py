"""Separation models of networks from complex spectra to complex masks, or to spectra."""

from typing import cast

import jax
import jax.numpy as jnp
from jax import lax

from auralflow_core.config import ComplexSpectrogramConfig
from auralflow_jax import spectral
from auralflow_jax.layers.front_end import analyze, synthesize
from auralflow_jax.models.base import Estimate, SeparationModel, Variables


class ComplexModel(SeparationModel):
    """Complex spectra: STFT, a network that sees real and imaginary parts, inverse STFT.

    The network maps spectra (batch, channels, 2, bins, frames), real part before imaginary part, to masks (batch,
    targets, channels, 2, bins, frames), which are multiplied with the mixture's spectrum, or to the spectra themselves;
    and to a latent variable. No number inside it is complex, so that all types and devices can compute it.
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
        (output, latent), batch_stats = self._call(variables, parts, train, key)
        output = lax.complex(output[:, :, :, 0], output[:, :, :, 1])
        if self.front_end.zero_dc:
            output = output.at[..., 0, :].set(0)
        masks = self.front_end.OUTPUT == "mask"
        joined = output * spectrum[:, None] if masks else output
        estimate = synthesize(joined, audio.shape[-1], self.front_end)
        mask = spectral.magnitude(output) if masks else None
        return Estimate(estimate, spectral.magnitude(joined), mask, latent), batch_stats

    def represent(self, audio: jax.Array) -> Estimate:
        return Estimate(audio, spectral.magnitude(analyze(audio, self.front_end)))
