"""Networks from files of weights, those of a training run in JAX included."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from auralflow_core.config import Config
from auralflow_core.model_folder import ModelFolder
from auralflow_core.weights.file import FLAX, TORCH, nested, read_tensors
from auralflow_core.weights.names import check_same, to_torch
from auralflow_torch.networks import build_network


def load(model: str | Path) -> nn.Module:
    """Loads a network with its weights, in evaluation mode, on the CPU.

    Args:
        model: a model folder, its best.safetensors alone, or a converted safetensors file.

    Returns:
        The network that the file's configuration describes: magnitudes (batch, channels, bins, frames) -> masks, or
        audio (batch, channels, samples) -> audio.

    Raises:
        InputError: there is no such file, it is damaged or of another kind, or its tensors do not fit.

    Example:
        network = load("my_model/checkpoint/best.safetensors")
        mask = network(magnitudes)
    """
    config, state, origin = read_weights(model)
    network = build_network(config)
    load_state(network, state, origin)
    return network.eval()


def read_weights(model: str | Path) -> tuple[Config, dict[str, np.ndarray], str]:
    """The configuration, the torch state dict and the file's name; see `load`.

    Raises:
        InputError: there is no such file, or it is damaged or of another kind.
    """
    path = ModelFolder(model).find_weights() if Path(model).is_dir() else Path(model)
    file = read_tensors(path, [FLAX, TORCH])
    state = to_torch(nested(file, path)) if file.format == FLAX else file.tensors
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
