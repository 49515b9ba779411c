"""Strided convolutions over the bins of bands of (batch, bins, frames, channels), and their transposes.

Both are dense layers: the same functions, and on the CPU quicker than XLA's convolutions.
"""

import functools
import operator

import jax
import jax.numpy as jnp
from flax import linen as nn

from auralflow_core.config.networks.scnet import Band


class StridedConv(nn.Module):
    """Convolution over the bins, without padding. The kernel is (size, 1, channels, features).

    Attributes:
        features: channels that go out.
        stride, size: in bins.
        dtype: of the computation.
    """

    features: int
    stride: int
    size: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (batch, bins, frames, channels) to (batch, (bins - size) / stride + 1, frames, features)."""
        channels, outputs = x.shape[-1], (x.shape[1] - self.size) // self.stride + 1
        init = nn.initializers.variance_scaling(1.0, "fan_in", "normal")
        kernel = self.param("kernel", init, (self.size, 1, channels, self.features), jnp.float32).astype(self.dtype)
        bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32).astype(self.dtype)
        x, span = x.astype(self.dtype), (outputs - 1) * self.stride + 1
        taps = [x[:, tap : tap + span : self.stride] for tap in range(self.size)]
        found = jnp.concatenate(taps, axis=-1) @ kernel.reshape(-1, self.features)
        return found + jnp.broadcast_to(bias, found.shape)


class StridedUpsample(nn.Module):
    """Transposed convolution over the bins, without padding. The kernel is (size, 1, features, channels).

    Attributes:
        features: channels that go out.
        stride, size: in bins.
        dtype: of the computation.
    """

    features: int
    stride: int
    size: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (batch, bins, frames, channels) to (batch, (bins - 1) * stride + size, frames, features)."""
        (batch, bins, frames, channels), stride = x.shape, self.stride
        blocks = -(-self.size // stride)  # that add up to each bin that goes out
        init = nn.initializers.variance_scaling(
            1 / blocks, "fan_in", "normal", in_axis=-1, out_axis=-2, batch_axis=(0, 1)
        )
        kernel = self.param("kernel", init, (self.size, 1, self.features, channels), jnp.float32).astype(self.dtype)
        bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32).astype(self.dtype)
        kernel = jnp.pad(kernel, ((0, blocks * stride - self.size), (0, 0), (0, 0), (0, 0)))
        parts = x.astype(self.dtype) @ kernel.reshape(-1, channels).T
        # to (batch, bins, blocks, stride, frames, features)
        parts = parts.reshape(batch, bins, frames, blocks, stride, -1).transpose(0, 1, 3, 4, 2, 5)
        still = ((0, 0), (0, 0), (0, 0))
        shifted = [
            jnp.pad(parts[:, :, block], ((0, 0), (block, blocks - 1 - block), *still)) for block in range(blocks)
        ]
        found = functools.reduce(operator.add, shifted).reshape(batch, -1, frames, self.features)
        found = found[:, : (bins - 1) * stride + self.size]
        return found + jnp.broadcast_to(bias, found.shape)


class BandConv(nn.Module):
    """A convolution of each band, which divides its bins by its stride.

    Attributes:
        features: channels that go out.
        bands: of the bins that come in.
        strides: in bins, of each band.
        sizes: of the kernels, in bins, of each band.
        dtype: of the computation.
    """

    features: int
    bands: tuple[Band, ...]
    strides: tuple[int, ...]
    sizes: tuple[int, ...]
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> list[jax.Array]:
        """Maps (batch, bins, frames, channels) to (batch, fewer bins, frames, features) of each band."""
        found = []
        for index, (band, stride, size) in enumerate(zip(self.bands, self.strides, self.sizes, strict=True)):
            part = x[:, band.start : band.start + band.bins]
            part = jnp.pad(part, ((0, 0), (band.before, band.after), (0, 0), (0, 0)))
            found.append(StridedConv(self.features, stride, size, self.dtype, name=f"layers_{index}")(part))
        return found


class BandUpsample(nn.Module):
    """The transposed convolutions: as many bins as came into `BandConv`.

    Attributes:
        features: channels that go out.
        bands: of the bins that go out.
        strides: in bins, of each band.
        sizes: of the kernels, in bins, of each band.
        dtype: of the computation.
    """

    features: int
    bands: tuple[Band, ...]
    strides: tuple[int, ...]
    sizes: tuple[int, ...]
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (batch, fewer bins, frames, channels) to (batch, bins, frames, features)."""
        found, start = [], 0
        for index, (band, stride, size) in enumerate(zip(self.bands, self.strides, self.sizes, strict=True)):
            layer = StridedUpsample(self.features, stride, size, self.dtype, name=f"layers_{index}")
            up = layer(x[:, start : start + band.outputs])
            first = (up.shape[1] - band.bins) // 2
            found.append(up[:, first : first + band.bins])
            start += band.outputs
        return jnp.concatenate(found, axis=1)
