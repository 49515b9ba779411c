"""Separation models: what makes audio of audio, around the networks, which are reachable here as well."""

from auralflow_torch.models.base import SeparationModel
from auralflow_torch.models.registry import create_model, load_model
from auralflow_torch.models.spectrogram import SpectrogramMaskModel
from auralflow_torch.networks import SpectrogramNetLSTM, SpectrogramNetSimple, SpectrogramNetVAE

__all__ = ["SeparationModel", "SpectrogramMaskModel", "SpectrogramNetLSTM", "SpectrogramNetSimple",
           "SpectrogramNetVAE", "create_model", "load_model"]
