"""Separation models of networks from complex spectra to complex masks, or to spectra."""

from typing import cast

import torch
from torch import Tensor

from auralflow_core.config import ComplexSpectrogramConfig
from auralflow_torch import spectral
from auralflow_torch.layers.checks import AUDIO, check_input
from auralflow_torch.layers.front_end import analyze, synthesize
from auralflow_torch.models.base import Estimate, SeparationModel


class ComplexModel(SeparationModel):
    """Complex spectra: STFT, a network that sees real and imaginary parts, inverse STFT.

    An `nn.Module` like any other. `forward` and `estimate` map audio to estimates, to train with; `separate` takes
    audio of any length. The network maps spectra (batch, channels, 2, bins, frames), real part before imaginary part,
    to masks (batch, targets, channels, 2, bins, frames), which are multiplied with the mixture's spectrum, or to the
    spectra themselves; without the axis of targets where there is one. No number inside it is complex, so that all
    types and devices can compute it.

    Args:
        configuration: what `auralflow.utils.load_config` returns, a `Config`, or the path of a config.json or of a
            model folder, of a network of complex spectra. The weights are fresh; `from_pretrained` brings trained ones.

    Raises:
        InputError: a wrong key or value in the configuration, or a model of another family.

    Example:
        model = ComplexModel("my_model/config.json")
        vocals = model.separate(torch.rand(2, 88200))  # (channels, samples), as the mixture
    """

    FAMILY = "complex"

    @property
    def front_end(self) -> ComplexSpectrogramConfig:
        """The settings of the STFT."""
        return cast(ComplexSpectrogramConfig, self.config.model)

    def forward(self, mixture: Tensor) -> Tensor:
        """Estimates waveforms.

        Args:
            mixture: (batch, channels, samples).

        Returns:
            Audio of the same shape; with several targets (batch, targets, channels, samples).
        """
        audio = self.estimate(mixture).audio
        return audio.squeeze(1) if len(self.targets) == 1 else audio

    def estimate(self, audio: Tensor, *, noise: Tensor | None = None) -> Estimate:
        check_input(audio, "audio", AUDIO, self.config.model.num_channels)
        spectrum = analyze(audio, self.front_end)
        dtype = next(self.network.parameters()).dtype  # of a halved model, whose spectra stay whole
        parts, latent = self._call(torch.stack([spectrum.real, spectrum.imag], dim=2).to(dtype), noise)
        parts = parts.to(torch.promote_types(parts.dtype, spectrum.real.dtype))
        output = torch.complex(parts[:, :, :, 0], parts[:, :, :, 1])
        if self.front_end.zero_dc:
            output = torch.cat([torch.zeros_like(output[..., :1, :]), output[..., 1:, :]], dim=-2)
        masks = self.front_end.OUTPUT == "mask"
        joined = output * spectrum.unsqueeze(1) if masks else output
        estimate = synthesize(joined, audio.shape[-1], self.front_end)
        return Estimate(estimate, spectral.magnitude(joined), spectral.magnitude(output) if masks else None, latent)

    def represent(self, audio: Tensor) -> Estimate:
        return Estimate(audio, spectral.magnitude(analyze(audio, self.front_end)))
