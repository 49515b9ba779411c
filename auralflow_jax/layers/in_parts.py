"""Layers in little memory: on few rows at a time."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

PART = 2**22  # numbers in the largest array of a part: 16 MB in float32


def in_parts(
    module: nn.Module, x: jax.Array, numbers: int, *args: object, least: int = 1, in_place: bool = False
) -> jax.Array:
    """Calls a module on rows that do not depend on each other, on the CPU a few at a time.

    For evaluation: the gradient would keep what is inside of all parts.

    Args:
        module: maps (rows, ...) and the arguments to (rows, ...).
        x: (rows, ...).
        numbers: in the largest array of one row inside the module.
        args: further arguments, the same for all rows.
        least: rows of a part, at least.
        in_place: the module returns the shape that it gets; its results then take the place of `x`. Otherwise they
            have an array of their own, which XLA may set aside for all such calls of a network at its beginning.
    """
    together = max(least, PART // numbers)
    if module.is_initializing() or jax.default_backend() != "cpu" or len(x) <= together:
        return module(x, *args)
    padded = _divide(x, together)

    def part(module: nn.Module, whole: jax.Array, index: jax.Array) -> tuple[jax.Array, Any]:
        found = module(lax.dynamic_index_in_dim(whole, index, keepdims=False), *args)
        return (lax.dynamic_update_index_in_dim(whole, found, index, 0), None) if in_place else (whole, found)

    scan = nn.scan(part, variable_broadcast="params", split_rngs={"params": False})
    whole, found = scan(module, padded, jnp.arange(len(padded)))
    found = whole if in_place else found
    return found.reshape(-1, *found.shape[2:])[: len(x)]


def again_in_parts(module: nn.Module, x: jax.Array, numbers: int, *args: object) -> jax.Array:
    """Calls a module on rows that do not depend on each other, and once more for the gradient, for which nothing that
    is inside is kept; on the CPU a few rows at a time.

    Args:
        module: maps (rows, ...) and the arguments to (rows, ...).
        x: (rows, ...).
        numbers: in the largest array of one row inside the module.
        args: further arguments, the same for all rows.
    """

    @nn.remat
    def part(module: nn.Module, nothing: tuple, rows: jax.Array) -> tuple[tuple, jax.Array]:
        return nothing, module(rows, *args)

    divided = _divide(x, max(1, PART // numbers)) if jax.default_backend() == "cpu" else x[None]
    scan = nn.scan(part, variable_broadcast="params", split_rngs={"params": False, "dropout": True})
    _, found = scan(module, (), divided)
    return found.reshape(-1, *found.shape[2:])[: len(x)]


def _divide(x: jax.Array, together: int) -> jax.Array:
    """Rows as parts of so many rows at most, equally large, the last of which is filled up with zeros."""
    parts = -(-len(x) // together)
    size = -(-len(x) // parts)
    zeros = jnp.pad(x, [(0, parts * size - len(x))] + [(0, 0)] * (x.ndim - 1))
    return zeros.reshape(parts, size, *x.shape[1:])
