"""Separation models: the networks with the front ends that make audio of audio."""

from auralflow_jax.models.audio import AudioModel
from auralflow_jax.models.base import Estimate, SeparationModel
from auralflow_jax.models.complex_mask import ComplexModel
from auralflow_jax.models.hybrid import HybridModel
from auralflow_jax.models.registry import create_model
from auralflow_jax.models.spectrogram import SpectrogramMaskModel

__all__ = [
    "AudioModel",
    "ComplexModel",
    "Estimate",
    "HybridModel",
    "SeparationModel",
    "SpectrogramMaskModel",
    "create_model",
]
