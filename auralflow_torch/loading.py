"""Trained models, loaded from files."""

from pathlib import Path

import torch

from auralflow_torch.models import SeparationModel


def load(
    name_or_path: str | Path, *, device: str | torch.device | None = None, adapter: str | Path | None = None
) -> SeparationModel:
    """Loads a trained model, in evaluation mode.

    Args:
        name_or_path: a model folder, a file of weights (its best.safetensors alone, or a converted one), or a
            pretrained model's name, which is fetched on first use.
        device: where the weights lie and the model computes. Default: the first CUDA device if there is one, else
            the CPU.
        adapter: a file of low-rank adapters that were trained for this model, or the folder of their run; they become
            part of the weights. Default: none.

    Raises:
        InputError: there is no such model, it was never trained, or its files are damaged or do not fit each other; or
            the adapter was trained for another model.

    Example:
        model = auralflow_torch.load("my_model")
        stems = model.separate(audio, 44100)
        network = model.network  # the bare network
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    return SeparationModel.from_pretrained(name_or_path, device, adapter=adapter)
