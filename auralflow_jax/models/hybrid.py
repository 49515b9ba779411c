"""Separation models of networks that join a waveform and a spectrogram branch."""

from typing import cast

import jax

from auralflow_core.config import HybridNet as HybridConfig
from auralflow_jax import spectral
from auralflow_jax.layers.front_end import analyze
from auralflow_jax.models.audio import AudioModel
from auralflow_jax.models.base import Estimate


class HybridModel(AudioModel):
    """Separation in both domains; the estimate has the spectrum of its audio, which no mask of the mixture makes."""

    FAMILY = "hybrid"

    def represent(self, audio: jax.Array) -> Estimate:
        return Estimate(audio, spectral.magnitude(analyze(audio, cast(HybridConfig, self.settings.model))))
