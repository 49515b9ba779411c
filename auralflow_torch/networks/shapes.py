"""The shapes of a network's tensors, without their memory."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode


class _WithoutValues(TorchFunctionMode):
    """Passes over what fills tensors: on the device `meta` nothing is filled, and torch loads much code for it."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        name, kwargs = getattr(func, "__name__", ""), kwargs or {}
        if name.endswith("_") and not name.endswith("__") and name != "requires_grad_":
            return args[0] if args else kwargs["tensor"]  # as the functions of torch.nn.init call it
        return func(*args, **kwargs)


class Shape(NamedTuple):
    """The shape and type of a tensor, as numpy has them."""

    shape: tuple[int, ...]
    dtype: np.dtype


def state_shapes(make: Callable[[], nn.Module]) -> dict[str, Shape] | None:
    """The shapes and types in a network's state dict, as a file holds it; nothing is allocated.

    Args:
        make: makes the network.

    Returns:
        None for a network that cannot be made so, as it reads values of tensors while it is made.
    """
    try:
        with torch.device("meta"), _WithoutValues():
            state = make().state_dict()
    except (RuntimeError, NotImplementedError):
        return None
    # torch's own types do not compare with numpy's; on the CPU, as a caller may be on the meta device as well. Floating
    # point is float32 in files, whatever torch's default is.
    kinds = {name: torch.float32 if tensor.is_floating_point() else tensor.dtype for name, tensor in state.items()}
    types = {dtype: torch.empty((), dtype=dtype, device="cpu").numpy().dtype for dtype in set(kinds.values())}
    return {name: Shape(tuple(tensor.shape), types[kinds[name]]) for name, tensor in state.items()}
