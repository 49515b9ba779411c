"""3x3 convolution with the gradient of its kernel in a form that suits the CPU."""

import functools
import operator
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

# Of the parts in which the CPU computes a kernel's gradient:
ROWS = 32  # bins of one; the best of 8, 16, 32, 64 on two cores
MANY_CHANNELS = 32  # from here on, of input and output, every picture has its own
MOST_PARTS = 16  # more are hardly quicker and take long to compile


@jax.custom_jvp
def convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Correlates with a 3x3 kernel, zeros around the edges: stride 1, same size.

    Args:
        x: (batch, bins, frames, channels).
        kernel: (3, 3, channels, features).

    Returns:
        (batch, bins, frames, features).
    """
    return lax.platform_dependent(x, kernel, cpu=_forward_cpu, default=_correlate)


@convolve.defjvp
def _tangent(primals: tuple[jax.Array, jax.Array], tangents: tuple[jax.Array, jax.Array]):
    """The derivative, in a form whose transpose, the gradient, suits the CPU."""
    (x, kernel), (x_tangent, kernel_tangent) = primals, tangents
    of_kernel = lax.platform_dependent(x, kernel_tangent, cpu=_correlate_parts, default=_correlate)
    return convolve(x, kernel), _correlate(x_tangent, kernel) + of_kernel


def _correlate(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return _convolution(x, kernel, ((1, 1), (1, 1)))


def _convolution(x: jax.Array, kernel: jax.Array, padding: Sequence[tuple[int, int]]) -> jax.Array:
    return lax.conv_general_dilated(x, kernel, (1, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _forward_cpu(x: jax.Array, kernel: jax.Array) -> jax.Array:
    if x.shape[-1] > 1:
        return _correlate(x, kernel)
    # One channel: nine multiply-adds, which XLA fuses into one pass over the result.
    bins, frames = x.shape[1:3]
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    taps = kernel.reshape(3, 3, 1, 1, 1, -1)
    parts = (padded[:, i : i + bins, j : j + frames] * taps[i, j] for i in range(3) for j in range(3))
    return functools.reduce(operator.add, parts)


def _correlate_parts(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The same, part by part of the batch and of the bins, so that the kernel's gradient is a sum over these parts.

    A band of bins fits the cache, where the whole picture would not. From 32 channels on, a picture by itself is two to
    three times as quick, as XLA then copies no batch into another order. The parts are written out: inside `lax.scan`,
    XLA's convolutions are 20 times slower and more.
    """
    batch, bins, _, channels = x.shape
    # Several devices share a batch: to take it apart they would send pictures to each other.
    alone = min(channels, kernel.shape[-1]) >= MANY_CHANNELS and jax.device_count() == 1
    pictures = 1 if alone else batch
    rows = bins if bins <= 4 * ROWS else ROWS
    while (batch // pictures) * -(-bins // rows) > MOST_PARTS and rows < bins:
        rows *= 2
    padded = jnp.pad(x, ((0, 0), (1, 1), (0, 0), (0, 0)))

    def bands(first: int) -> jax.Array:
        some = padded[first : first + pictures]
        parts = [_convolution(some[:, row : row + rows + 2], kernel, ((0, 0), (1, 1))) for row in range(0, bins, rows)]
        return jnp.concatenate(parts, axis=1)

    return jnp.concatenate([bands(first) for first in range(0, batch, pictures)])
