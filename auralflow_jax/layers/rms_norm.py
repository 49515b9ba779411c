"""Norms by the root of the mean square."""

import jax
import jax.numpy as jnp
from flax import linen as nn

TINY = 1e-24  # the least sum of squares: below, a norm's gradient would be infinite, and of silence not a number


class RMSNorm(nn.Module):
    """Division by the root of the mean square of the features, then a factor for each (Zhang and Sennrich 2019, "Root
    mean square layer normalization").
    """

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Normalises (..., features)."""
        return normalize(x, self.param("gamma", nn.initializers.ones, x.shape[-1:], jnp.float32))


def normalize(x: jax.Array, gamma: jax.Array) -> jax.Array:
    """The features (..., features) by the root of their mean square, times gamma, which is broadcast."""
    power = jnp.square(x).sum(-1, keepdims=True)
    # Selected rather than clipped, so that where the power is tiny it has no gradient.
    scale = jax.lax.rsqrt(jnp.where(power > TINY, power, TINY)) * x.shape[-1] ** 0.5
    return x * scale * jnp.broadcast_to(gamma.astype(x.dtype), x.shape)
