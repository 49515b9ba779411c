"""Networks from files of weights, those of a training run in JAX included."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from auralflow_core.config import Config
from auralflow_core.model_folder import read_model
from auralflow_core.weights.file import FLAX, nested
from auralflow_core.weights.names import check_same, to_torch


def read_weights(name_or_path: str | Path) -> tuple[Config, dict[str, np.ndarray], str]:
    """Reads the weights of a model that either framework trained.

    Args:
        name_or_path: a model folder, a file of weights, or a pretrained model's name.

    Returns:
        The configuration, the torch state dict and the file's name.

    Raises:
        InputError: there is no such file, or it is damaged or of another kind.
    """
    file, path = read_model(name_or_path)
    state = to_torch(nested(file, path), str(path)) if file.format == FLAX else file.tensors
    return file.config, state, str(path)


def load_state(network: nn.Module, state: Mapping[str, np.ndarray], origin: str = "state dict") -> None:
    """Puts arrays into a network, strictly.

    Args:
        network: on any device.
        state: torch names and arrays.
        origin: where they come from, for messages.

    Raises:
        InputError: a tensor is missing, left over, or of another shape or type than the network's.
    """
    check_same(state, {name: tensor.numpy(force=True) for name, tensor in network.state_dict().items()}, origin)
    network.load_state_dict({name: torch.from_numpy(np.array(array, order="C")) for name, array in state.items()})


def state_arrays(network: nn.Module) -> dict[str, np.ndarray]:
    """Copies a network's state dict to numpy arrays on the CPU; floating point becomes float32, as files hold it."""
    return {
        name: np.array((tensor.float() if tensor.is_floating_point() else tensor).numpy(force=True), order="C")
        for name, tensor in network.state_dict().items()
    }
