"""Trained models, loaded from files."""

import functools
from pathlib import Path

from auralflow_core.ensembles.description import Description, is_description, read_description
from auralflow_core.ensembles.loading import load_members
from auralflow_core.model_folder import find_model
from auralflow_jax.devices import Device
from auralflow_jax.models.base import SeparationModel
from auralflow_jax.models.ensemble import Ensemble


def load(name_or_path: str | Path, *, device: Device = None, adapter: str | Path | None = None) -> SeparationModel:
    """Loads a trained model.

    Args:
        name_or_path: a model folder, a file of weights (its best.safetensors alone, or a converted one), a pretrained
            model's name or `hf:USER/MODEL` of the Hugging Face Hub, which are fetched on first use, or the JSON of an
            ensemble.
        device: where the weights lie and the model computes: a device, or a platform such as "cpu". Default: a GPU
            or TPU if there is one, else the CPU.
        adapter: a file of low-rank adapters that were trained for this model, or the folder of their run; they become
            part of the weights. Default: none.

    Raises:
        InputError: there is no such model, it was never trained, its files are damaged or do not fit each other, or
            there is no such device; or the adapter was trained for another model.

    Example:
        model = auralflow_jax.load("my_model")
        stems = model.separate(audio, 44100)  # (targets, channels, samples)
    """
    if is_description(path := find_model(name_or_path)):
        return load_ensemble(read_description(path), device=device, adapter=adapter)
    return SeparationModel.from_pretrained(path, device, adapter=adapter)


def load_ensemble(
    description: Description, *, device: Device = None, adapter: str | Path | None = None
) -> SeparationModel:
    """Loads an ensemble of trained models.

    Args:
        description: from `auralflow_core.ensembles.description`.
        device: see `load`.
        adapter: of low-rank adapters: refused, as they belong to a single model.

    Raises:
        InputError: see `load`; or members that do not fit each other.
    """
    return load_members(description, functools.partial(load, device=device), Ensemble.of, adapter)
