"""Trained models as functions from blocks of audio to estimates, and separation of tensors."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from auralflow import separation
from auralflow.config import Config
from auralflow.errors import InputError
from auralflow.separation import BATCH_SIZE, OVERLAP, separate
from auralflow_torch.models import SeparationModel, load_model
from auralflow_torch.models.base import evaluating

__all__ = ["Separator", "load", "separate", "separate_tensor"]


@dataclass(frozen=True)
class Separator(separation.Separator):
    """A model, ready to separate; see `auralflow.separation`.

    Attributes:
        model: in evaluation mode, on any device.
    """

    model: SeparationModel

    @property
    def config(self) -> Config:
        return self.model.config

    def estimate(self, mixture: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            # A copy, as what is broadcast cannot be written to, and torch would warn of it.
            audio = self.model.estimate(torch.tensor(mixture, device=self.model.device)).audio
            return audio.float().cpu().numpy()


def load(folder: str | Path, device: str | torch.device | None = None) -> Separator:
    """Loads the best weights of a model folder.

    Args:
        folder: a model folder, its best.safetensors alone, or a converted safetensors file.
        device: where to compute; default: the first CUDA device if there is one, else the CPU.

    Raises:
        InputError: there is no model, it was never trained, or its files are damaged or do not fit each other.

    Example:
        separator = load("my_model")
        stems = separate(separator, audio, 44100)  # numpy, (targets, channels, samples)
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    return Separator(load_model(folder).to(device))


def separate_tensor(model: SeparationModel, audio: Tensor, overlap: float = OVERLAP,
                    batch_size: int = BATCH_SIZE) -> Tensor:
    """Separates a tensor at the model's rate; see `SeparationModel.separate`."""
    channels, samples = (1, *audio.shape)[-2:] if audio.ndim else (0, 0)
    if audio.ndim > 3 or channels not in (1, 2) or audio.numel() == 0 or not audio.is_floating_point():
        raise InputError(f"audio must be floating point, (samples,), (channels, samples) or (batch, channels, samples) "
                         f"with one or two channels, got {audio.dtype} of shape {tuple(audio.shape)}")
    rate, separator = model.config.model.sample_rate, Separator(model)
    items = audio.detach().float().cpu().numpy().reshape(-1, channels, samples)
    with evaluating(model):
        estimates = np.stack([separate(separator, item, rate, overlap, batch_size) for item in items])
    # (batch, targets, channels, samples) to the audio's axes, and one for the targets where there are several.
    targets = () if len(model.targets) == 1 else (len(model.targets),)
    return torch.from_numpy(estimates).reshape(*audio.shape[:-2], *targets, *audio.shape[-2:]).to(audio.device)
