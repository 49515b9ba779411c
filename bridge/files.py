"""Reading weights, whatever file they are in."""

import pickle
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from auralflow_core.config import Config
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_core.weights.file import TORCH, TRAINING, TensorFile, read_tensors
from bridge.conversion import as_array, expected_variables

PICKLED = (".pth", ".pt")


def read_flax(model: str | Path) -> tuple[dict[str, dict], Config, dict]:
    """Reads the best weights of a model folder, whichever framework trained it, or a file like its best.safetensors.

    Returns:
        The variables, the configuration that built them, and their provenance.

    Raises:
        InputError: there are none, the file is damaged or of another format, or its tensors do not fit its network.
    """
    from auralflow_jax.weights import check_fits, load_weights

    path = weights_path(model)
    variables, config, provenance = load_weights(path)
    check_fits(variables, expected_variables(config), str(path))
    return variables, config, provenance


def weights_path(model: str | Path) -> Path:
    """The file of weights that a model folder, or a file itself, stands for."""
    if not Path(model).is_dir():
        return Path(model)
    folder = ModelFolder(model)
    folder.load_config()  # a folder without a readable one is no model folder
    if not folder.weights.exists():
        raise InputError(
            f"{folder.path}: the model has no weights yet, {folder.weights} does not exist; train it first"
        )
    return folder.weights


def read_torch(path: str | Path, formats: Sequence[str] = (TORCH, TRAINING)) -> TensorFile:
    """Reads torch tensors: a safetensors file, or a state dict that `torch.save` wrote.

    Args:
        path: ends in .safetensors, .pth or .pt; or the folder of a model that was trained in torch.
        formats: of safetensors files, those that are accepted.

    Returns:
        The tensors; a file of `torch.save` has no configuration, so that is None, and no provenance.

    Raises:
        InputError: the file is missing, damaged, of another format, or would run code.
    """
    path = weights_path(path)
    if path.suffix in PICKLED:
        return TensorFile(TORCH, read_pickled(path), None, {})
    return read_tensors(path, formats)


def read_pickled(path: str | Path) -> dict[str, np.ndarray]:
    """Reads a state dict that `torch.save` wrote, and nothing that would run code."""
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a foreign pickle protocol, shortly before the error
            state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file of weights") from None
    except Exception as error:  # a damaged file raises whatever its bytes happen to mean
        if match := re.search(r"GLOBAL (\S+)", str(error)):
            raise InputError(
                f"{path}: refused, as loading it would run {match[1]}; only a state dict of tensors "
                "is accepted: torch.save(module.state_dict(), path)"
            ) from None
        if isinstance(error, pickle.UnpicklingError):
            raise InputError(
                f"{path}: refused, as it holds a pickle that could run code; only a state dict of tensors "
                "is accepted: torch.save(module.state_dict(), path)"
            ) from None
        raise InputError(
            f"{path}: not a readable file of torch.save, it is damaged or of another kind ({type(error).__name__})"
        ) from None
    if not isinstance(state, dict):
        raise InputError(f"{path}: holds a {type(state).__name__}, expected a state dict of tensors")
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise InputError(f"{path}: {name!r} is a {type(value).__name__}, expected a state dict of tensors alone")
    return {name: as_array(value, name, str(path)) for name, value in state.items()}
