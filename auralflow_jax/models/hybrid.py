"""Models of networks that join a waveform and a spectrogram branch."""

from dataclasses import dataclass

import jax

from auralflow_core.config import HybridNet as HybridConfig
from auralflow_jax import spectral
from auralflow_jax.layers.front_end import analyze
from auralflow_jax.models.audio import AudioModel
from auralflow_jax.models.base import Estimate


@dataclass(frozen=True)
class HybridModel(AudioModel):
    """Audio in, estimates out, with the spectrum of the joined audio. It is no mask of the mixture's.

    Attributes:
        network: as of AudioModel.
        config: the settings of the STFT, among others.
    """

    config: HybridConfig

    def describe(self, audio: jax.Array) -> Estimate:
        return Estimate(audio, spectral.magnitude(analyze(audio, self.config)))
