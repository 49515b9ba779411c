"""Positions of queries and keys in attention, as factors that turn their features."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from auralflow_core.dsp import positions as tables


class Turn(NamedTuple):
    """Angles by which features are turned.

    Attributes:
        cos, sin: (steps, heads or 1, features or pairs of them).
    """

    cos: jax.Array
    sin: jax.Array


class Positions(NamedTuple):
    """The turns of queries and keys.

    Attributes:
        query, key: see Turn.
    """

    query: Turn
    key: Turn


def rotary(steps: int, size: int, dtype: jnp.dtype) -> Positions:
    """Turns neighbouring features as one complex number (Su et al. 2021, "RoFormer", eq. 34).

    Args:
        steps: length of the sequence.
        size: features of each head, even.
        dtype: of the tables, float32 or float64.
    """
    turn = _table(steps, size // 2, dtype)
    return Positions(turn, turn)


def polar(steps: int, shift: jax.Array, dtype: jnp.dtype) -> Positions:
    """Turns each feature, whose softplus is a length; keys by a learned angle more, within a turn backwards.

    The published BS-PolarFormers have these positions.

    Args:
        steps: length of the sequence.
        shift: (heads, features of each head), radians; beyond [-2 pi, 0] it is cut.
        dtype: of the tables, float32 or float64.
    """
    cos, sin = turn = _table(steps, shift.shape[-1], dtype)
    shift = shift.astype(dtype)[None]  # to (steps, heads, features)
    inside = (shift >= -2 * np.pi) & (shift <= 0)  # selected, so that the ends have a whole gradient
    shift = jnp.where(inside, shift, jax.lax.stop_gradient(jnp.clip(shift, -2 * np.pi, 0)))
    # The sum of angles by the addition theorems, as its first part is known beyond float32.
    cos_shift, sin_shift = jnp.cos(shift), jnp.sin(shift)
    return Positions(turn, Turn(cos * cos_shift - sin * sin_shift, sin * cos_shift + cos * sin_shift))


def turn_pairs(x: jax.Array, turn: Turn) -> jax.Array:
    """Turns neighbouring features of (..., steps, heads, features)."""
    pairs = x.reshape(*x.shape[:-1], -1, 2)
    a, b = pairs[..., 0], pairs[..., 1]
    cos, sin = _spread(turn, a)
    return jnp.stack([a * cos - b * sin, b * cos + a * sin], axis=-1).reshape(x.shape)


def turn_lengths(x: jax.Array, turn: Turn) -> jax.Array:
    """Turns (..., steps, heads, features), and returns twice as many: real parts, then imaginary ones."""
    length = jax.nn.softplus(x)
    cos, sin = _spread(turn, length)
    return jnp.concatenate([length * cos, length * sin], axis=-1)


def _spread(turn: Turn, x: jax.Array) -> Turn:
    """The angles for each number of (..., steps, heads, features or pairs)."""
    return Turn(jnp.broadcast_to(turn.cos, x.shape), jnp.broadcast_to(turn.sin, x.shape))


def _table(steps: int, count: int, dtype: jnp.dtype) -> Turn:
    angles = tables.angles(steps, count)[:, None]  # to (steps, heads, features)
    return Turn(jnp.asarray(np.cos(angles), dtype), jnp.asarray(np.sin(angles), dtype))
