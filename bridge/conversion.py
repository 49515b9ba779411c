"""From torch state dicts to the variables of a network."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from auralflow_core.config import Config
from auralflow_core.errors import InputError
from auralflow_core.weights import names as naming


def to_flax(state_dict: Mapping[str, Any], network: Config | Mapping, origin: str = "state dict") -> dict[str, dict]:
    """Converts a torch state dict to variables: the inverse of `to_torch`.

    Args:
        state_dict: torch names and tensors or numpy arrays, as of `module.state_dict()`.
        network: the configuration of the network that will hold them; or shapes: nested dicts `params` and
            `batch_stats` of anything with `shape` and `dtype`, such as arrays or `jax.eval_shape` of a network's
            `init`.
        origin: where the state dict comes from, for messages.

    Returns:
        `params` and `batch_stats`, nested dicts of contiguous numpy arrays.

    Raises:
        InputError: a tensor is missing, left over, or of another shape or type than the network's.

    Example:
        >>> shapes = {"params": {"head": {"bias": np.zeros(3, np.float32)}}}
        >>> to_flax({"head.bias": np.ones(3, np.float32)}, shapes)["params"]["head"]["bias"].tolist()
        [1.0, 1.0, 1.0]
    """
    state = {name: as_array(tensor, name, origin) for name, tensor in state_dict.items()}
    if isinstance(network, Config):
        from auralflow_jax.models.base import abstract_variables  # here, as shapes need no jax

        network = abstract_variables(network)
    return naming.to_flax(state, network, origin)


def as_array(tensor: Any, name: str, origin: str) -> np.ndarray:
    """A torch tensor, or anything that numpy can convert, as an array."""
    try:
        return tensor.detach().cpu().numpy() if hasattr(tensor, "detach") else np.asarray(tensor)
    except TypeError as error:
        raise InputError(
            f"{origin}: tensor {name!r} of type {tensor.dtype} cannot become an array: {error}; float32 is accepted"
        ) from None
