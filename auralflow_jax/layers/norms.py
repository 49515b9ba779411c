"""Norms by mean and variance, with a factor and a summand for each feature; statistics are float32, or float64."""

import functools

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
    scale, bias = (jnp.broadcast_to(number.astype(wide.dtype), x.shape) for number in (scale, bias))
    return (standardize(axes, wide).reshape(x.shape) * scale + bias).astype(x.dtype)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def standardize(axes: tuple[int, ...], x: jax.Array) -> jax.Array:
    """x without its mean over some axes, divided by the root of its variance plus `EPSILON`.

    The derivative is written out: it takes fewer operations, which XLA compiles quicker, than the one that follows from
    the formula step by step.
    """
    return _standardized(axes, x)[0]


@standardize.defjvp
def _tangent(
    axes: tuple[int, ...], primals: tuple[jax.Array], tangents: tuple[jax.Array]
) -> tuple[jax.Array, jax.Array]:
    (x,), (tangent,) = primals, tangents
    found, factor = _standardized(axes, x)
    along = found * (found * tangent).mean(axes, keepdims=True)
    return found, factor * (tangent - tangent.mean(axes, keepdims=True) - along)


def _standardized(axes: tuple[int, ...], x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The result, and the factor 1 / deviation."""
    centred = x - x.mean(axes, keepdims=True)
    factor = jax.lax.rsqrt(jnp.square(centred).mean(axes, keepdims=True) + EPSILON)
    return centred * factor, factor
