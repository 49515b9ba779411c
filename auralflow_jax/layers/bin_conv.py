"""Strided convolutions over the bins of (batch, bins, frames, channels), and their transposes.

Both are dense layers on blocks of a stride: the same functions, and on the CPU quicker than XLA's convolutions. The
kernels have two strides; half a stride of zeros stands at both ends, unless it is said otherwise.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from auralflow_jax.layers.conv1d import RECTIFIED


class BinConv(nn.Module):
    """Convolution that divides the bins by its stride.

    Attributes:
        features: channels that go out.
        stride: even; must divide the bins.
        padded: put half a stride of zeros at both ends; otherwise a bin less goes out.
        dtype: of the computation.
    """

    features: int
    stride: int
    padded: bool = True
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (batch, bins, frames, channels) to (batch, bins / stride, frames, features)."""
        stride, channels = self.stride, x.shape[-1]
        init = nn.initializers.variance_scaling(RECTIFIED, "fan_in", "normal")
        kernel = self.param("kernel", init, (2 * stride, 1, channels, self.features), jnp.float32).astype(self.dtype)
        bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32).astype(self.dtype)
        zeros = stride // 2 if self.padded else 0
        x = jnp.pad(x.astype(self.dtype), ((0, 0), (zeros, zeros), (0, 0), (0, 0)))
        blocks = x.reshape(x.shape[0], -1, stride, *x.shape[2:])
        first, second = kernel.reshape(2, stride, channels, self.features)
        dense = "bkstc,scf->bktf"
        found = jnp.einsum(dense, blocks[:, :-1], first) + jnp.einsum(dense, blocks[:, 1:], second)
        return found + jnp.broadcast_to(bias, found.shape)


class BinUpsample(nn.Module):
    """Transposed convolution that multiplies the bins by its stride. The kernel is (2 stride, 1, features, channels).

    Attributes:
        features: channels that go out.
        stride: even.
        whole: keep half a stride of bins more at both ends.
        dtype: of the computation.
    """

    features: int
    stride: int
    whole: bool = False
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (batch, bins, frames, channels) to (batch, stride * bins, frames, features)."""
        stride, (batch, bins, frames, channels) = self.stride, x.shape
        init = nn.initializers.variance_scaling(
            RECTIFIED / 2, "fan_in", "normal", in_axis=-1, out_axis=-2, batch_axis=(0, 1)
        )  # two blocks add up to each bin that goes out
        kernel = self.param("kernel", init, (2 * stride, 1, self.features, channels), jnp.float32).astype(self.dtype)
        bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32).astype(self.dtype)
        kernels = kernel.reshape(2, stride, self.features, channels)
        first, second = (jnp.einsum("bktc,sfc->bkstf", x.astype(self.dtype), part) for part in kernels)
        still = ((0, 0), (0, 0), (0, 0))
        added = jnp.pad(first, ((0, 0), (0, 1), *still)) + jnp.pad(second, ((0, 0), (1, 0), *still))
        joined = added.reshape(batch, (bins + 1) * stride, frames, self.features)
        found = joined if self.whole else joined[:, stride // 2 : -(stride // 2)]
        return found + jnp.broadcast_to(bias, found.shape)
