"""Trained models as functions from blocks of audio to estimates, and separation of tensors."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from auralflow_core.config import Config
from auralflow_core.errors import InputError
from auralflow_core.separation import separator as separation
from auralflow_core.separation.separator import separate
from auralflow_torch import spectral
from auralflow_torch.eval_mode import evaluating
from auralflow_torch.layers.checks import check_tensor
from auralflow_torch.models import SeparationModel
from auralflow_torch.wiener import wiener

__all__ = ["Separator", "separate", "separate_tensor"]


@dataclass(frozen=True)
class Separator(separation.Separator):
    """A model, ready to separate; see `auralflow_core.separation.separator`.

    Attributes:
        model: in evaluation mode, on any device.
    """

    model: SeparationModel

    @property
    def config(self) -> Config:
        return self.model.config

    def estimate(self, mixture: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return self.model.estimate(self._tensor(mixture)).audio.float().cpu().numpy()

    def refine(self, mixture: np.ndarray, estimates: np.ndarray, iterations: int, residual: bool) -> np.ndarray:
        num_fft, hop_length, window_size = self.front_end

        def spectrum(audio: np.ndarray) -> Tensor:
            padded = spectral.pad_to_hop(self._tensor(audio), hop_length)
            return spectral.stft(padded, num_fft, hop_length, window_size, "constant")

        with torch.inference_mode():
            magnitudes = spectral.magnitude(spectrum(estimates))
            refined = wiener(magnitudes, spectrum(mixture), iterations, residual=residual)[:, : estimates.shape[1]]
            return spectral.istft(refined, num_fft, hop_length, window_size, mixture.shape[-1]).cpu().numpy()

    def _tensor(self, audio: np.ndarray) -> Tensor:
        # A copy, as what is broadcast cannot be written to, and torch would warn of it.
        return torch.tensor(audio, device=self.model.device)


def separate_tensor(model: SeparationModel, audio: Tensor, **options) -> Tensor:
    """Separates a tensor at the model's rate; see `SeparationModel.separate`."""
    check_tensor(audio, "audio")
    if not 1 <= audio.ndim <= 3 or audio.numel() == 0 or not audio.is_floating_point():
        raise InputError(
            "audio must be floating point, (samples,), (channels, samples) or (batch, channels, samples), "
            f"got {audio.dtype} of shape {tuple(audio.shape)}"
        )
    rate, separator = model.config.model.sample_rate, Separator(model)
    items = audio.detach().float().cpu().numpy().reshape(-1, *(1, *audio.shape)[-2:])
    with evaluating(model):
        estimates = np.stack([separate(separator, item, rate, **options) for item in items])
    # (batch, targets, channels, samples) to the audio's axes, and one for the targets where there are several.
    targets = () if len(model.targets) == 1 else (len(model.targets),)
    return torch.from_numpy(estimates).reshape(*audio.shape[:-2], *targets, *audio.shape[-2:]).to(audio.device)
