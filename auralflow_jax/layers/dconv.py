"""Residual branches of dilated convolutions along (rows, steps, channels)."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from auralflow_jax.layers.conv1d import GATED, Conv1d
from auralflow_jax.layers.layer_scale import LayerScale
from auralflow_jax.layers.norms import WholeNorm

START = 1e-3  # of the scale of a branch
SIZE = 3  # of the kernels, in steps


class DConvLayer(nn.Module):
    """A convolution to fewer channels, and a gated linear unit back.

    Attributes:
        hidden: the fewer channels.
        dilation: steps between those that the convolution sees.
        dtype: of the computation.
    """

    hidden: int
    dilation: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (rows, steps, channels) to the same shape."""
        channels = x.shape[-1]
        x = Conv1d(self.hidden, SIZE, dilation=self.dilation, dtype=self.dtype, name="squeeze")(x)
        x = nn.gelu(WholeNorm(name="squeeze_norm")(x), approximate=False)
        x = Conv1d(2 * channels, 1, gain=GATED, dtype=self.dtype, name="expand")(x)
        return LayerScale(START, name="scale")(nn.glu(WholeNorm(name="expand_norm")(x)))


class DConv(nn.Module):
    """Layers whose dilations double, each added to what goes in (Défossez 2021, "Hybrid spectrogram and waveform
    source separation", section 3.3, without recurrence and attention).

    Attributes:
        depth: number of layers.
        compression: ratio of the channels to those inside, which are rounded down.
        dtype: of the computation.
    """

    depth: int
    compression: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (rows, steps, channels) to the same shape."""
        hidden = x.shape[-1] // self.compression
        for index in range(self.depth):
            x = x + DConvLayer(hidden, 2**index, self.dtype, name=f"layers_{index}")(x)
        return x
