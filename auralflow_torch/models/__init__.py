"""Separation models: what makes audio of audio, around the networks, which are reachable here as well."""

from auralflow_torch import networks
from auralflow_torch.models.audio import AudioModel
from auralflow_torch.models.base import SeparationModel
from auralflow_torch.models.hybrid import HybridModel
from auralflow_torch.models.registry import create_model, load_model
from auralflow_torch.models.spectrogram import SpectrogramMaskModel
from auralflow_torch.networks import *  # noqa: F403

__all__ = [
    "AudioModel",
    "HybridModel",
    "SeparationModel",
    "SpectrogramMaskModel",
    "create_model",
    "load_model",
    *networks.__all__,
]  # noqa: PLE0604
