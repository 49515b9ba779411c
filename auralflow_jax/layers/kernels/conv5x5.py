"""5x5 convolutions that halve and double a picture, and a dilated one, in forms that suit the CPU.

XLA's own gradients of strided, transposed and dilated convolutions are up to ten times slower there.
"""

import functools
import operator

import jax
import jax.numpy as jnp
from jax import lax

from auralflow_jax.layers.kernels.conv3x3 import ROWS, convolve


def halve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Correlates with a 5x5 kernel, stride 2, one zero before and two behind, as TensorFlow pads.

    Args:
        x: (batch, bins, frames, channels), both sizes even.
        kernel: (5, 5, channels, features).

    Returns:
        (batch, bins / 2, frames / 2, features).
    """
    if x.shape[1] <= 4 * ROWS:
        return _stride_two(x, kernel)
    return lax.platform_dependent(x, kernel, cpu=_halve_cpu, default=_stride_two)


def _stride_two(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return lax.conv_general_dilated(x, kernel, (2, 2), ((1, 2), (1, 2)), dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _halve_cpu(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The same as a 3x3 convolution of squares of four pixels, each with four times the channels."""
    batch, bins, frames, channels = x.shape
    squares = x.reshape(batch, bins // 2, 2, frames // 2, 2, channels).transpose(0, 1, 3, 2, 4, 5)
    # A sixth tap, a zero in front, makes three pairs of the five.
    pairs = jnp.pad(kernel, ((1, 0), (1, 0), (0, 0), (0, 0))).reshape(3, 2, 3, 2, channels, -1)
    return convolve(
        squares.reshape(batch, bins // 2, frames // 2, -1),
        pairs.transpose(0, 2, 1, 3, 4, 5).reshape(3, 3, 4 * channels, -1),
    )


def double(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The transpose of `halve`: 5x5 transposed convolution with stride 2, cropped by one before and two behind.

    Each output pixel meets two or three taps along each axis, so that it is a 3x3 convolution to squares of four
    pixels.

    Args:
        x: (batch, bins, frames, channels).
        kernel: (5, 5, features, channels).

    Returns:
        (batch, 2 bins, 2 frames, features).
    """
    batch, bins, frames, channels = x.shape
    features = kernel.shape[2]
    # Along each axis, the two outputs of a pixel meet taps 3 and 4 of the pixel before, 1 and 2 of their own, and of
    # the next a zero and tap 0.
    pairs = jnp.pad(kernel, ((1, 0), (1, 0), (0, 0), (0, 0))).reshape(3, 2, 3, 2, features, channels)
    taps = jnp.flip(pairs, (0, 2)).transpose(0, 2, 5, 1, 3, 4).reshape(3, 3, channels, 4 * features)
    squares = convolve(x, taps).reshape(batch, bins, frames, 2, 2 * features)
    return squares.swapaxes(2, 3).reshape(batch, 2 * bins, 2 * frames, features)


@jax.custom_jvp
def dilate(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Correlates with a 4x4 kernel whose taps are two pixels apart, zeros around the edges: same size.

    Args:
        x: (batch, bins, frames, 1).
        kernel: (4, 4, 1, features).

    Returns:
        (batch, bins, frames, features).
    """
    taps = kernel.reshape(16, 1, 1, 1, -1)
    parts = (part[..., None] * tap for part, tap in zip(_sixteen(x), taps, strict=True))
    return functools.reduce(operator.add, parts)  # one fused pass


def _sixteen(x: jax.Array) -> list[jax.Array]:
    """The pixels under each tap, (batch, bins, frames)."""
    bins, frames = x.shape[1:3]
    padded = jnp.pad(x[..., 0], ((0, 0), (3, 3), (3, 3)))
    return [padded[:, i : i + bins, j : j + frames] for i in range(0, 8, 2) for j in range(0, 8, 2)]


def _dilate_by_product(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The same as a matrix product, whose derivatives are some as well."""
    return jnp.einsum("tbhw,tf->bhwf", jnp.stack(_sixteen(x)), kernel.reshape(16, -1))


@dilate.defjvp
def _tangent(primals: tuple[jax.Array, jax.Array], tangents: tuple[jax.Array, jax.Array]):
    (x, kernel), (x_tangent, kernel_tangent) = primals, tangents
    return dilate(x, kernel), _dilate_by_product(x_tangent, kernel) + _dilate_by_product(x, kernel_tangent)
