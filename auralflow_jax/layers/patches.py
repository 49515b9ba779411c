"""Convolutions whose windows lie side by side, and their transposes: dense layers without bias, on the CPU quicker."""

import jax
import jax.numpy as jnp
from flax import linen as nn


class PatchConv(nn.Module):
    """Convolution whose stride is its size. The kernel is (*size, channels, features).

    Attributes:
        features: channels that go out.
        size: of a window along the two middle axes, which it must divide.
        gain: of the initial weights; see `conv1d`.
        dtype: of the computation.
    """

    features: int
    size: tuple[int, int]
    gain: float
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (batch, rows, columns, channels) to (batch, rows / size, columns / size, features)."""
        (batch, rows, columns, channels), (height, width) = x.shape, self.size
        init = nn.initializers.variance_scaling(self.gain, "fan_in", "normal")
        kernel = self.param("kernel", init, (*self.size, channels, self.features), jnp.float32).astype(self.dtype)
        x = x.astype(self.dtype).reshape(batch, rows // height, height, columns // width, width, channels)
        x = x.transpose(0, 1, 3, 2, 4, 5).reshape(batch, rows // height, columns // width, -1)
        return x @ kernel.reshape(-1, self.features)


class PatchUpsample(nn.Module):
    """Transposed convolution whose stride is its size. The kernel is (*size, features, channels).

    Attributes:
        features: channels that go out.
        size: of a window along the two middle axes.
        gain: of the initial weights; see `conv1d`.
        dtype: of the computation.
    """

    features: int
    size: tuple[int, int]
    gain: float
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (batch, rows, columns, channels) to (batch, rows * size, columns * size, features)."""
        (batch, rows, columns, channels), (height, width) = x.shape, self.size
        init = nn.initializers.variance_scaling(
            self.gain, "fan_in", "normal", in_axis=-1, out_axis=-2, batch_axis=(0, 1)
        )  # each window has one input
        kernel = self.param("kernel", init, (*self.size, self.features, channels), jnp.float32).astype(self.dtype)
        x = x.astype(self.dtype) @ kernel.reshape(-1, channels).T
        x = x.reshape(batch, rows, columns, height, width, self.features).transpose(0, 1, 3, 2, 4, 5)
        return x.reshape(batch, rows * height, columns * width, self.features)
