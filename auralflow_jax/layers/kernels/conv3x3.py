"""3x3 convolution with the gradient of its kernel in a form that suits the CPU."""

import functools
import operator

import jax
import jax.numpy as jnp
from jax import lax

# Of a sum's parts on the CPU:
ROWS = 32  # bins of one; the best of 8, 16, 32, 64 on two cores
MANY_CHANNELS = 32  # from here on, of input and output, every picture has its own
MOST_PARTS = 16  # more are hardly quicker and take long to compile


@jax.custom_vjp
def convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Correlates with a 3x3 kernel, zeros around the edges: stride 1, same size.

    Reverse-mode differentiable only.

    Args:
        x: (batch, bins, frames, channels).
        kernel: (3, 3, channels, features).

    Returns:
        (batch, bins, frames, features).
    """
    return lax.platform_dependent(x, kernel, cpu=_forward_cpu, default=_correlate)


def _correlate(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return lax.conv_general_dilated(x, kernel, (1, 1), ((1, 1), (1, 1)), dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _forward_cpu(x: jax.Array, kernel: jax.Array) -> jax.Array:
    if x.shape[-1] > 1:
        return _correlate(x, kernel)
    # One channel: nine multiply-adds, which XLA fuses into one pass over the result.
    bins, frames = x.shape[1:3]
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    parts = (padded[:, i : i + bins, j : j + frames] * kernel[i, j, 0] for i in range(3) for j in range(3))
    return functools.reduce(operator.add, parts)


def _forward(x: jax.Array, kernel: jax.Array):
    return convolve(x, kernel), (x, kernel)


def _backward(saved, gradient: jax.Array):
    x, kernel = saved
    flipped = jnp.flip(kernel, (0, 1)).swapaxes(2, 3)
    of_kernel = lax.platform_dependent(x, gradient, cpu=_kernel_gradient_cpu, default=_kernel_gradient)
    return _correlate(gradient, flipped), of_kernel


def _kernel_gradient(x: jax.Array, gradient: jax.Array) -> jax.Array:
    """The kernel's gradient as one correlation of input and gradient, the batch as its channels."""
    return lax.conv_general_dilated(x, gradient, (1, 1), ((1, 1), (1, 1)), dimension_numbers=("CHWN", "IHWO", "HWNC"))


def _kernel_gradient_cpu(x: jax.Array, gradient: jax.Array) -> jax.Array:
    """The same, as a sum over parts of the batch and bands of bins.

    A band fits the cache, where the whole picture would not. From 32 channels on, a picture by itself is two to three
    times as quick, as XLA then copies no batch into another order. The parts are written out: inside `lax.scan`, XLA's
    convolutions are 20 times slower and more.
    """
    batch, bins, _, channels = x.shape
    # Several devices share a batch: to take it apart they would send pictures to each other.
    alone = min(channels, gradient.shape[-1]) >= MANY_CHANNELS and jax.device_count() == 1
    pictures = 1 if alone else batch
    rows = bins if bins <= 4 * ROWS else ROWS
    while (batch // pictures) * -(-bins // rows) > MOST_PARTS and rows < bins:
        rows *= 2
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    parts = (
        lax.conv_general_dilated(
            padded[first : first + pictures, row : row + rows + 2],
            gradient[first : first + pictures, row : row + rows],
            (1, 1),
            "VALID",
            dimension_numbers=("CHWN", "IHWO", "HWNC"),
        )
        for first in range(0, batch, pictures)
        for row in range(0, bins, rows)
    )
    return functools.reduce(operator.add, parts)


convolve.defvjp(_forward, _backward)
