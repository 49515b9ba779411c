"""Layers in little memory: on few rows at a time."""

import jax
import jax.numpy as jnp
from flax import linen as nn

PART = 2**22  # numbers in the largest array of a part: 16 MB in float32


def in_parts(module: nn.Module, x: jax.Array, numbers: int, *args: object) -> jax.Array:
    """Calls a module on rows that do not depend on each other, on the CPU a few at a time.

    For evaluation: the gradient would keep what is inside of all parts.

    Args:
        module: maps (rows, ...) and the arguments to (rows, ...).
        x: (rows, ...).
        numbers: in the largest array of one row inside the module.
        args: further arguments, the same for all rows.
    """
    rows = len(x)
    parts = -(-rows * numbers // PART)
    if parts <= 1 or module.is_initializing() or jax.default_backend() != "cpu":
        return module(x, *args)
    size = -(-rows // parts)
    parts = -(-rows // size)
    padded = jnp.pad(x, [(0, parts * size - rows)] + [(0, 0)] * (x.ndim - 1)).reshape(parts, size, *x.shape[1:])

    def part(module: nn.Module, _: None, rows: jax.Array) -> tuple[None, jax.Array]:
        return None, module(rows, *args)

    _, found = nn.scan(part, variable_broadcast="params", split_rngs={"params": False})(module, None, padded)
    return found.reshape(-1, *found.shape[2:])[:rows]
