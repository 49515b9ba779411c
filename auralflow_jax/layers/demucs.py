"""Levels of Demucs' U-Nets, over the bins of (batch, bins, frames, channels) or over (batch, steps, channels)."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from auralflow_core.config.networks.ht_demucs import STRIDE
from auralflow_jax.layers.bin_conv import BinConv, BinUpsample
from auralflow_jax.layers.conv1d import RECTIFIED, Conv1d, Upsample1d
from auralflow_jax.layers.conv2d import Conv
from auralflow_jax.layers.dconv import DConv


class EncoderLayer(nn.Module):
    """A strided convolution, a residual branch along the frames or steps, and a gated linear unit.

    Attributes:
        features: channels that go out.
        compression: of the residual branch.
        residual_depth: of the residual branch.
        over_bins: whether the input has bins.
        dtype: of the computation.
    """

    features: int
    compression: int
    residual_depth: int
    over_bins: bool
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Divides bins, or steps, which are padded to whole strides, by four; channels become `features`."""
        if self.over_bins:
            x = BinConv(self.features, STRIDE, self.dtype, name="conv")(x)
        else:
            x = jnp.pad(x, ((0, 0), (0, -x.shape[1] % STRIDE), (0, 0)))
            x = Conv1d(self.features, 2 * STRIDE, STRIDE, dtype=self.dtype, name="conv")(x)
        x = nn.gelu(x, approximate=False)
        x = _along_steps(DConv(self.residual_depth, self.compression, self.dtype, name="dconv"), x)
        return nn.glu(_gate(2 * self.features, 1, self.over_bins, self.dtype)(x))


class DecoderLayer(nn.Module):
    """A gated linear unit on the sum of input and skip connection, a residual branch, and a transposed convolution.

    Attributes:
        features: channels that go out.
        compression: of the residual branch.
        residual_depth: of the residual branch; 0: there is none.
        over_bins: whether the input has bins.
        last: of all, so that no rectifier follows.
        dtype: of the computation.
    """

    features: int
    compression: int
    residual_depth: int
    over_bins: bool
    last: bool
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, skip: jax.Array) -> jax.Array:
        """Multiplies bins, or steps, by four; channels become `features`."""
        x = nn.glu(_gate(2 * x.shape[-1], 3, self.over_bins, self.dtype)(x + skip))
        if self.residual_depth:
            x = _along_steps(DConv(self.residual_depth, self.compression, self.dtype, name="dconv"), x)
        kind = BinUpsample if self.over_bins else Upsample1d
        x = kind(self.features, STRIDE, dtype=self.dtype, name="up")(x)
        return x if self.last else nn.gelu(x, approximate=False)


def _gate(features: int, size: int, over_bins: bool, dtype: jnp.dtype) -> nn.Module:
    """The convolution before a gated linear unit."""
    if over_bins:
        return Conv(features, size, use_bias=True, dtype=dtype, name="gate")
    return Conv1d(features, size, gain=RECTIFIED, dtype=dtype, name="gate")


def _along_steps(branch: DConv, x: jax.Array) -> jax.Array:
    """A residual branch along the frames of each bin, or along the steps."""
    return branch(x.reshape(-1, *x.shape[-2:])).reshape(x.shape)
