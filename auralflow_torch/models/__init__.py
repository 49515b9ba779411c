"""Separation models: the networks, which are reachable here as well, with the front ends that make audio of audio."""

import auralflow_torch.networks as networks
from auralflow_torch.models.audio import AudioModel
from auralflow_torch.models.base import Estimate, SeparationModel
from auralflow_torch.models.complex_mask import ComplexModel
from auralflow_torch.models.hybrid import HybridModel
from auralflow_torch.models.registry import create_model, load_model
from auralflow_torch.models.spectrogram import SpectrogramMaskModel
from auralflow_torch.networks import *  # noqa: F403

__all__ = [
    "AudioModel",
    "ComplexModel",
    "Estimate",
    "HybridModel",
    "SeparationModel",
    "SpectrogramMaskModel",
    "create_model",
    "load_model",
]
__all__ += networks.__all__
