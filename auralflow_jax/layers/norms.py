"""Norms by mean and variance, with a factor and a summand for each feature; statistics are float32, or float64."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

EPSILON = 1e-5  # added to the variance, as in torch


class LayerNorm(nn.Module):
    """A norm of the features of each step (Ba et al. 2016, "Layer normalization")."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Normalises (..., features)."""
        return _scaled(self, x, (-1,))


class WholeNorm(nn.Module):
    """A norm of all steps and features of each item: torch's GroupNorm with one group (Wu and He 2018, "Group
    normalization").
    """

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Normalises (items, ..., features)."""
        return _scaled(self, x, tuple(range(1, x.ndim)))


class ChannelNorm(nn.Module):
    """A norm of each channel of each item: torch's InstanceNorm without running statistics (Ulyanov et al. 2016,
    "Instance normalization").
    """

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Normalises (items, ..., channels)."""
        return _scaled(self, x, tuple(range(1, x.ndim - 1)))


def _scaled(module: nn.Module, x: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    """The norm over some axes, with the module's parameters."""
    scale = module.param("scale", nn.initializers.ones, x.shape[-1:], jnp.float32)
    bias = module.param("bias", nn.initializers.zeros, x.shape[-1:], jnp.float32)
    wide = x.astype(np.promote_types(x.dtype, np.float32))
    centred = wide - wide.mean(axes, keepdims=True)
    deviation = jax.lax.rsqrt(jnp.square(centred).mean(axes, keepdims=True) + EPSILON)
    scale, bias = (jnp.broadcast_to(number.astype(wide.dtype), x.shape) for number in (scale, bias))
    return (centred * deviation * scale + bias).astype(x.dtype)
