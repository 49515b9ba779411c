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


class GroupNorm(nn.Module):
    """A norm of all steps and the features of a group, of each item (Wu and He 2018, "Group normalization").

    Attributes:
        groups: of features that follow each other; their number divides that of the features.
    """

    groups: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Normalises (items, ..., features)."""
        return _scaled(self, x, tuple(range(1, x.ndim)), self.groups)


def _scaled(module: nn.Module, x: jax.Array, axes: tuple[int, ...], groups: int = 1) -> jax.Array:
    """The norm over some axes, the last of which may be divided into groups, with the module's parameters."""
    scale = module.param("scale", nn.initializers.ones, x.shape[-1:], jnp.float32)
    bias = module.param("bias", nn.initializers.zeros, x.shape[-1:], jnp.float32)
    wide = x.astype(np.promote_types(x.dtype, np.float32))
    if groups > 1:
        wide, axes = wide.reshape(*x.shape[:-1], groups, -1), (*axes[:-1], x.ndim)
    centred = wide - wide.mean(axes, keepdims=True)
    deviation = jax.lax.rsqrt(jnp.square(centred).mean(axes, keepdims=True) + EPSILON)
    scale, bias = (jnp.broadcast_to(number.astype(wide.dtype), x.shape) for number in (scale, bias))
    return ((centred * deviation).reshape(x.shape) * scale + bias).astype(x.dtype)
