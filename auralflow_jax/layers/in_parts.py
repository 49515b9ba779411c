"""Layers in little memory: on few rows at a time."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

PART = 2**22  # numbers in the largest array of a part: 16 MB in float32


def in_parts(module: nn.Module, x: jax.Array, numbers: int, *args: object, in_place: bool = False) -> jax.Array:
    """Calls a module on rows that do not depend on each other, on the CPU a few at a time.

    For evaluation: the gradient would keep what is inside of all parts.

    Args:
        module: maps (rows, ...) and the arguments to (rows, ...).
        x: (rows, ...).
        numbers: in the largest array of one row inside the module.
        args: further arguments, the same for all rows.
        in_place: the module returns the shape that it gets; its results then take the place of `x`. Otherwise they
            have an array of their own, which XLA may set aside for all such calls of a network at its beginning.
    """
    rows = len(x)
    parts = -(-rows * numbers // PART)
    if parts <= 1 or module.is_initializing() or jax.default_backend() != "cpu":
        return module(x, *args)
    size = -(-rows // parts)
    parts = -(-rows // size)
    padded = jnp.pad(x, [(0, parts * size - rows)] + [(0, 0)] * (x.ndim - 1)).reshape(parts, size, *x.shape[1:])

    def part(module: nn.Module, whole: jax.Array, index: jax.Array) -> tuple[jax.Array, Any]:
        found = module(lax.dynamic_index_in_dim(whole, index, keepdims=False), *args)
        return (lax.dynamic_update_index_in_dim(whole, found, index, 0), None) if in_place else (whole, found)

    scan = nn.scan(part, variable_broadcast="params", split_rngs={"params": False})
    whole, found = scan(module, padded, jnp.arange(parts))
    found = whole if in_place else found
    return found.reshape(-1, *found.shape[2:])[:rows]
