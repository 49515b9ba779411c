"""Adapters folded into the weights that they were trained for."""

from pathlib import Path

from msgspec.structs import replace

from auralflow_core.console.interrupts import check
from auralflow_core.errors import InputError, printable
from auralflow_core.model_folder import ModelFolder, display_name
from auralflow_core.weights.adapter import merge, read_adapter
from auralflow_core.weights.file import TORCH, TensorFile
from auralflow_core.weights.names import to_torch
from bridge.files import read_flax


def merge_adapter(model: str | Path, adapter: str | Path, output: str | Path) -> ModelFolder:
    """Makes a model folder of a model's weights with an adapter.

    Args:
        model: what the adapter was trained for: a model folder, a file of weights, or a pretrained model's name.
        adapter: a file, or the folder of the run that trained it.
        output: a new folder, which appears whole or not at all.

    Raises:
        InputError: a file is missing or damaged, the adapter was trained for another model, or the folder exists.
    """
    folder = ModelFolder(output)
    if folder.path.exists():
        raise InputError(f"{folder.path}: exists already; name a new folder with -o")
    variables, config, _ = read_flax(model)
    state = merge(to_torch(variables), adapter, str(model))
    config = replace(config, model=replace(config.model, model_name=printable(folder.name)))
    found = read_adapter(adapter)
    provenance = {**found.provenance, "base": display_name(model), "rank": found.rank, "alpha": found.alpha}
    check()
    folder.save_model(TensorFile(TORCH, state, config, provenance))
    return folder
