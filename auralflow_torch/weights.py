"""Networks from files of weights, those of a training run in JAX included."""

import pickle
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from auralflow_core.config import Config
from auralflow_core.errors import InputError
from auralflow_core.model_folder import find_model, read_model
from auralflow_core.weights.file import FLAX, nested
from auralflow_core.weights.names import check_same, to_torch
from auralflow_core.weights.plain import PICKLED, config_beside, network_tensors
from auralflow_torch.layers.checks import check_tensor


def read_weights(name_or_path: str | Path) -> tuple[Config, dict[str, np.ndarray], str]:
    """Reads the weights of a model that either framework trained.

    Args:
        name_or_path: a model folder, a file of weights, or a pretrained model's name. A file that `torch.save` or
            safetensors made of `model.state_dict()`, or of the network's, needs config.json next to it.

    Returns:
        The configuration, the torch state dict and the file's name.

    Raises:
        InputError: there is no such file, or it is damaged or of another kind.
    """
    path = find_model(name_or_path)
    if path.suffix in PICKLED:
        return config_beside(path), network_tensors(_unpickled(path)), str(path)
    file, path = read_model(path)
    state = to_torch(nested(file, path), str(path)) if file.format == FLAX else file.tensors
    return file.config, state, str(path)


def _unpickled(path: Path) -> dict[str, np.ndarray]:
    """The state dict that `torch.save` wrote; nothing but tensors is unpickled."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file of weights") from None
    except pickle.UnpicklingError:
        raise InputError(
            f"{path}: no state dict that torch.load reads, it is damaged, or holds more than tensors, which could run "
            "code; torch.save(model.state_dict(), path) writes one"
        ) from None
    except (OSError, RuntimeError, EOFError, ValueError, KeyError) as error:
        reason = str(error).partition("\n")[0][:200]
        raise InputError(
            f"{path}: no state dict that torch.load reads, it is damaged or something else: {reason}"
        ) from None
    if not isinstance(state, Mapping) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in state.items()
    ):
        raise InputError(f"{path}: holds no state dict; torch.save(model.state_dict(), path) writes one")
    return _arrays(state, str(path))


def load_state(network: nn.Module, state: Mapping[str, np.ndarray], origin: str = "state dict") -> None:
    """Puts arrays into a network, strictly.

    Args:
        network: on any device.
        state: torch names and arrays.
        origin: where they come from, for messages.

    Raises:
        InputError: a tensor is missing, left over, or of another shape or type than the network's; or one of the
            network is quantized or sparse.
    """
    own = network.state_dict()
    for name, tensor in own.items():
        check_tensor(tensor, f"the network's {name}")
    check_same(state, {name: tensor.numpy(force=True) for name, tensor in own.items()}, origin)
    with torch.no_grad():  # one tensor after the other, so that a large network is not in memory three times
        for name, tensor in own.items():
            tensor.copy_(torch.from_numpy(np.require(state[name], requirements=("C", "W"))))


def state_arrays(network: nn.Module) -> dict[str, np.ndarray]:
    """Copies a network's state dict to numpy arrays on the CPU; floating point becomes float32, as files hold it.

    Raises:
        InputError: a tensor is quantized or sparse.
    """
    return _arrays(network.state_dict(), "the network")


def _arrays(state: Mapping[str, torch.Tensor], origin: str) -> dict[str, np.ndarray]:
    """Copies of tensors as arrays; `origin` is for the message about one that cannot be an array."""
    arrays = {}
    for name, tensor in state.items():
        check_tensor(tensor, f"{origin}'s {name}")
        if tensor.is_meta:
            raise InputError(f"{origin}'s {name} lies on the device meta and has no numbers")
        array = (tensor.float() if tensor.is_floating_point() else tensor).numpy(force=True)
        arrays[name] = np.array(array, order="C")
    return arrays
