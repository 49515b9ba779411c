"""Layers in little memory: on few rows at a time."""

from collections.abc import Callable

import torch
from torch import Tensor

from auralflow_torch.layers.checks import is_tracing

PART = 2**22  # numbers in the largest array of a part: 16 MB in float32, which the allocator hands out again


def in_parts(function: Callable[[Tensor], Tensor], x: Tensor, numbers: int) -> Tensor:
    """Calls a function of rows that do not depend on each other; on the CPU and without gradients a few at a time.

    Args:
        function: maps (rows, ...) to (rows, ...).
        x: (rows, ...).
        numbers: in the largest array of one row inside the function.
    """
    if x.device.type != "cpu" or torch.is_grad_enabled() or is_tracing() or torch.compiler.is_compiling():
        return function(x)
    parts = x.split(max(1, PART // numbers))
    return function(x) if len(parts) == 1 else torch.cat([function(part) for part in parts])
