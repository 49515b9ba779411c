"""Trained models, loaded from files."""

import functools
from pathlib import Path

import torch

from auralflow_core.ensembles.description import Description, is_description, read_description
from auralflow_core.ensembles.loading import load_members
from auralflow_core.model_folder import find_model
from auralflow_torch.models import SeparationModel
from auralflow_torch.models.ensemble import Ensemble


def load(
    name_or_path: str | Path, *, device: str | torch.device | None = None, adapter: str | Path | None = None
) -> SeparationModel:
    """Loads a trained model, in evaluation mode.

    Args:
        name_or_path: a model folder, a file of weights (its best.safetensors alone, or a converted one), a pretrained
            model's name or `hf:USER/MODEL` of the Hugging Face Hub, which are fetched on first use, or the JSON of an
            ensemble.
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
    if is_description(path := find_model(name_or_path)):
        return load_ensemble(read_description(path), device=device, adapter=adapter)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    return SeparationModel.from_pretrained(path, device, adapter=adapter)


def load_ensemble(
    description: Description, *, device: str | torch.device | None = None, adapter: str | Path | None = None
) -> SeparationModel:
    """Loads an ensemble of trained models, in evaluation mode.

    Args:
        description: from `auralflow_core.ensembles.description`.
        device: see `load`.
        adapter: of low-rank adapters: refused, as they belong to a single model.

    Raises:
        InputError: see `load`; or members that do not fit each other.
    """
    return load_members(description, functools.partial(load, device=device), Ensemble, adapter)
