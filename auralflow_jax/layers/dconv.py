"""Residual branches of dilated convolutions along (rows, steps, channels)."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from auralflow_core.config.networks.demucs import Level
from auralflow_jax.layers.conv1d import GATED, Conv1d
from auralflow_jax.layers.gelu import gelu
from auralflow_jax.layers.layer_scale import LayerScale
from auralflow_jax.layers.local_attention import LocalAttention
from auralflow_jax.layers.norms import WholeNorm
from auralflow_jax.layers.windowed_recurrent import WindowedRecurrent

START = 1e-3  # of the scale of a branch
SIZE = 3  # of the kernels, in steps


class DConvLayer(nn.Module):
    """A convolution to fewer channels, perhaps layers that see further on them, and a gated linear unit back.

    Attributes:
        hidden: the fewer channels.
        dilation: steps between those that the convolution sees.
        recurrent: whether there are recurrent layers.
        attentive: whether there is attention, behind them.
        dtype: of the computation.
    """

    hidden: int
    dilation: int
    recurrent: bool = False
    attentive: bool = False
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (rows, steps, channels) to the same shape."""
        channels = x.shape[-1]
        x = Conv1d(self.hidden, SIZE, dilation=self.dilation, dtype=self.dtype, name="squeeze")(x)
        x = gelu(WholeNorm(name="squeeze_norm")(x))
        if self.recurrent:
            x = WindowedRecurrent(self.hidden, num_layers=2, dtype=self.dtype, name="recurrent")(x)
        if self.attentive:
            x = LocalAttention(self.dtype, name="attention")(x)
        x = Conv1d(2 * channels, 1, gain=GATED, dtype=self.dtype, name="expand")(x)
        return LayerScale(START, name="scale")(nn.glu(WholeNorm(name="expand_norm")(x)))


class DConv(nn.Module):
    """Layers whose dilations double, each added to what goes in (Défossez 2021, "Hybrid spectrogram and waveform
    source separation", section 3.3).

    Attributes:
        level: the U-Net's, with the channels that come in and go out; those inside are rounded down.
        depth: number of layers.
        dtype: of the computation.
    """

    level: Level
    depth: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (rows, steps, channels) to the same shape."""
        level = self.level
        hidden = level.features // level.compression
        for index in range(self.depth):
            layer = DConvLayer(hidden, 2**index, level.recurrent, level.attentive, self.dtype, name=f"layers_{index}")
            x = x + layer(x)
        return x
