"""Trained models, loaded from files."""

from pathlib import Path

import torch

from auralflow_torch.models import load_model
from auralflow_torch.separation import Separator


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
