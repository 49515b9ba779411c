"""The front end that makes a separation model of any network from magnitudes to masks."""

from typing import cast

import torch
from torch import Tensor

from auralflow_core.config import SpectrogramConfig
from auralflow_torch import spectral
from auralflow_torch.layers.checks import AUDIO, SPECTRUM, check_input
from auralflow_torch.layers.front_end import analyze, complete, synthesize
from auralflow_torch.models.base import Estimate, SeparationModel


class SpectrogramMaskModel(SeparationModel):
    """Deep mask estimation: STFT, a network that sees the lowest bins, masks joined, the mixture's phase, inverse STFT.

    An `nn.Module` like any other. `forward` maps magnitudes to masks; `estimate` maps audio to estimates, to train
    with; `separate` takes audio of any length.

    Args:
        configuration: what `auralflow.utils.load_config` returns, a `Config`, or the path of a config.json or of a
            model folder, of a spectrogram network. The weights are fresh; `from_pretrained` brings trained ones.

    Raises:
        InputError: a wrong key or value in the configuration, or a model of another family.

    Example:
        model = SpectrogramMaskModel("my_model/config.json")
        vocals = model.separate(torch.rand(1, 88200))  # (channels, samples), as the mixture
    """

    FAMILY = "spectrogram"

    @property
    def front_end(self) -> SpectrogramConfig:
        """The settings of the STFT and of the masks."""
        return cast(SpectrogramConfig, self.config.model)

    def forward(self, mixture_magnitude: Tensor) -> Tensor:
        """Estimates masks.

        Args:
            mixture_magnitude: (batch, channels, bins, frames), `abs` of what `to_spectrogram` returns.

        Returns:
            Masks of the same shape; with several targets (batch, targets, channels, bins, frames).

        Raises:
            InputError: complex values, or another shape.
        """
        check_input(mixture_magnitude, "mixture_magnitude", SPECTRUM, self.config.model.num_channels)
        mask = self.network(self._seen(mixture_magnitude))
        mask = self._complete(mask.unsqueeze(1) if len(self.targets) == 1 else mask, mixture_magnitude)
        return mask.squeeze(1) if len(self.targets) == 1 else mask

    def estimate(self, audio: Tensor, *, noise: Tensor | None = None) -> Estimate:
        """Estimates the targets in mixtures, with gradients: one side of what a loss compares.

        Args:
            audio: mixtures at the model's rate, (batch, channels, samples), with the model's number of channels.
            noise: for a latent variable, standard normal, in place of a random draw; see the network.

        Returns:
            Audio (batch, targets, channels, samples), spectrum and mask (batch, targets, channels, bins, frames),
            also for a single target; latent, where the network has one, its mu and sigma.
        """
        check_input(audio, "audio", AUDIO, self.config.model.num_channels)
        spectrum = self.to_spectrogram(audio)
        magnitude = spectral.magnitude(spectrum)
        mask, latent = self._call(self._seen(magnitude), noise)
        mask = self._complete(mask, magnitude)
        estimate = self.to_audio(mask * spectrum.unsqueeze(1), audio.shape[-1])
        return Estimate(estimate, mask * magnitude.unsqueeze(1), mask, latent)

    def represent(self, audio: Tensor) -> Estimate:
        return Estimate(audio, spectral.magnitude(self.to_spectrogram(audio)))

    def to_spectrogram(self, audio: Tensor) -> Tensor:
        """The complex spectrum (..., bins, frames) of audio (..., samples), padded to a whole number of hops."""
        return analyze(audio, self.front_end)

    def to_audio(self, spectrum: Tensor, samples: int | None = None) -> Tensor:
        """The inverse of `to_spectrogram`.

        Args:
            spectrum: complex, (..., bins, frames).
            samples: length of the audio (..., samples); default: a whole number of hops.
        """
        samples = (spectrum.shape[-1] - 1) * self.front_end.hop_length if samples is None else samples
        return synthesize(spectrum, samples, self.front_end)

    def _seen(self, magnitude: Tensor) -> Tensor:
        """The bins that the network sees, in the type of its weights: spectra of a halved model stay whole."""
        return magnitude[:, :, : self.front_end.num_bins].to(self._dtype)

    def _complete(self, mask: Tensor, magnitude: Tensor) -> Tensor:
        """Masks (batch, targets, channels, bins, frames) of the network, joined, for all bins."""
        mask = mask.to(torch.promote_types(mask.dtype, magnitude.dtype))
        return complete(mask, magnitude.shape[-2], self.front_end)

    @property
    def _dtype(self) -> torch.dtype:
        return next(self.network.parameters()).dtype
