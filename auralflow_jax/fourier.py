"""Fourier transforms that stay on the device that holds a signal.

XLA divides no such transform among devices: where they share a batch, each would get all of it and transform it whole.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
from jax.sharding import AxisType, PartitionSpec

Norm = Literal["backward", "ortho", "forward"]


def rfft(x: jax.Array, axis: int = -1, norm: Norm = "backward") -> jax.Array:
    """`jax.numpy.fft.rfft`, along any axis but the first of an array that has several."""
    return _on_each_device(partial(jnp.fft.rfft, axis=axis, norm=norm), x)


def irfft(x: jax.Array, samples: int, axis: int = -1, norm: Norm = "backward") -> jax.Array:
    """`jax.numpy.fft.irfft` to `samples` values, along any axis but the first of an array that has several."""
    return _on_each_device(partial(jnp.fft.irfft, n=samples, axis=axis, norm=norm), x)


def _on_each_device(transform: Callable[[jax.Array], jax.Array], x: jax.Array) -> jax.Array:
    """Transforms the rows of an array where they are, if the mesh of the context is one row of devices that divide it.

    `auralflow_jax.train.step` sets such a mesh.
    """
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.axis_types != (AxisType.Auto,) or mesh.size == 1 or x.ndim == 1 or x.shape[0] % mesh.size:
        return transform(x)
    rows = PartitionSpec(*mesh.axis_names)
    return jax.shard_map(transform, in_specs=rows, out_specs=rows)(x)
