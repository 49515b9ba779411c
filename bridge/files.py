"""Reading weights from files of every kind."""

import pickle
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from auralflow_core.config import Config
from auralflow_core.console.text import with_article
from auralflow_core.errors import InputError
from auralflow_core.model_folder import read_model
from auralflow_core.optional import needs
from auralflow_core.weights.file import TORCH, TRAINING, TensorFile
from bridge.conversion import as_array

if TYPE_CHECKING:
    import torch

PICKLED = (".pth", ".pt")


@dataclass(frozen=True)
class StateDict:
    """The content of a file of `torch.save`, which has neither a configuration nor a provenance."""

    tensors: dict[str, np.ndarray]
    format: str = TORCH
    config: None = None
    provenance: dict = field(default_factory=dict)


def read_flax(model: str | Path) -> tuple[dict[str, dict], Config, dict]:
    """Reads the weights of a model that either framework trained.

    Args:
        model: a model folder, a file like its best.safetensors, or a pretrained model's name.

    Returns:
        The variables, the configuration that built them, and their provenance.

    Raises:
        InputError: there is no such model, the file is damaged or of another format, or its tensors do not fit.
    """
    from auralflow_jax.weights import load_variables

    return load_variables(model)


def read_torch(path: str | Path, formats: Sequence[str] = (TORCH, TRAINING)) -> "TensorFile | StateDict":
    """Reads torch tensors: a safetensors file, or a state dict that `torch.save` wrote.

    Args:
        path: ends in .safetensors, .pth or .pt; or the folder of a model that was trained in torch.
        formats: of safetensors files, those that are accepted.

    Returns:
        The tensors with what is stored with them; of a file of `torch.save` these alone.

    Raises:
        InputError: the file is missing, damaged, of another format, or would run code.
    """
    if Path(path).suffix in PICKLED and Path(path).is_file():
        return StateDict(read_pickled(path))
    return read_model(path, formats)[0]


def read_pickled(path: str | Path) -> dict[str, np.ndarray]:
    """Reads a state dict that `torch.save` wrote; refuses a file that would run code."""
    state = check_state(load_pickled(path), path)
    return {name: as_array(value, name, str(path)) for name, value in state.items()}


def load_pickled(path: str | Path, allowed: Sequence[Any] = ()) -> Any:
    """The object in a file of `torch.save`; refuses a file that would run code.

    Args:
        path: the file.
        allowed: what the file may make besides tensors and plain data, as `torch.serialization.safe_globals` takes it.

    Raises:
        InputError: the file is missing, damaged, or would run code.
    """
    with needs("torch"):
        import torch

    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals([*allowed]):
            warnings.simplefilter("ignore")  # of a foreign pickle protocol, shortly before the error
            return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file of weights") from None
    except Exception as error:  # a damaged file raises whatever its bytes happen to mean
        if match := re.search(r"GLOBAL (\S+)", str(error)):
            raise InputError(
                f"{path}: refused, as loading it would run {match[1]}; only a state dict of tensors "
                "is accepted: torch.save(module.state_dict(), path)"
            ) from None
        if text := _start_of_text(Path(path)):
            raise InputError(
                f"{path}: is a text that begins with {text!r}, no file of torch.save; perhaps its download failed"
            ) from None
        if isinstance(error, pickle.UnpicklingError):
            raise InputError(
                f"{path}: refused, as it holds a pickle that could run code; only a state dict of tensors "
                "is accepted: torch.save(module.state_dict(), path)"
            ) from None
        raise InputError(
            f"{path}: not a readable file of torch.save, it is damaged or of another kind ({type(error).__name__})"
        ) from None


def _start_of_text(path: Path) -> str:
    """How a file of text begins, as of an error that a server sent in place of another file; "" of any other."""
    try:
        with open(path, "rb") as file:
            text = file.read(40).decode("ascii")
    except (OSError, UnicodeDecodeError):
        return ""
    return text.strip() if text.replace("\n", " ").replace("\r", " ").isprintable() else ""


def check_state(state: Any, path: str | Path) -> "dict[str, torch.Tensor]":
    """Refuses what is no dict of tensors.

    Raises:
        InputError: it is something else; names the first key that is at fault.
    """
    import torch

    if not isinstance(state, dict):
        raise InputError(f"{path}: holds {with_article(type(state).__name__)}, expected a state dict of tensors")
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise InputError(
                f"{path}: {name!r} is {with_article(type(value).__name__)}, expected a state dict of tensors alone"
            )
    return state
