"""Factors of the features that residual branches add."""

import jax
import jax.numpy as jnp
from flax import linen as nn


class LayerScale(nn.Module):
    """A learned factor for each feature, small at first (Touvron et al. 2021, "Going deeper with image transformers").

    Attributes:
        start: of all factors.
    """

    start: float

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Scales (..., features)."""
        gamma = self.param("gamma", nn.initializers.constant(self.start, jnp.float32), x.shape[-1:])
        return x * jnp.broadcast_to(gamma.astype(x.dtype), x.shape)
