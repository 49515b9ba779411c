"""Separation models of networks that join a waveform and a spectrogram branch."""

from typing import cast

from torch import Tensor

from auralflow_core.config import HybridNet as HybridConfig
from auralflow_torch import spectral
from auralflow_torch.layers.front_end import analyze
from auralflow_torch.models.audio import AudioModel
from auralflow_torch.models.base import Estimate


class HybridModel(AudioModel):
    """Separation in both domains; the estimate has the spectrum of its audio, which no mask of the mixture makes.

    Args:
        configuration: what `auralflow.utils.load_config` returns, a `Config`, or the path of a config.json or of a
            model folder, of HybridNet.

    Raises:
        InputError: a wrong key or value in the configuration, or a model of another family.
    """

    FAMILY = "hybrid"

    def represent(self, audio: Tensor) -> Estimate:
        return Estimate(audio, spectral.magnitude(analyze(audio, cast(HybridConfig, self.config.model))))
