"""Levels of Demucs' U-Nets, over the bins of (batch, bins, frames, channels) or over (batch, steps, channels)."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from auralflow_core.config.networks.demucs import Level
from auralflow_jax.layers.bin_conv import BinConv, BinUpsample
from auralflow_jax.layers.conv1d import RECTIFIED, Conv1d, Upsample1d
from auralflow_jax.layers.conv2d import Conv
from auralflow_jax.layers.dconv import DConv
from auralflow_jax.layers.gelu import gelu
from auralflow_jax.layers.norms import GroupNorm


class EncoderLayer(nn.Module):
    """A strided convolution, a residual branch along the frames or steps, and a gated linear unit.

    Attributes:
        level: the U-Net's.
        over_bins: whether the input has bins.
        dtype: of the computation.
    """

    level: Level
    over_bins: bool
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, added: jax.Array | None = None) -> jax.Array:
        """Divides bins, or steps, which are padded to whole strides, by the stride; channels become the level's.

        Args:
            x: the input.
            added: to the output of the convolution, or None.
        """
        level = self.level
        if self.over_bins:
            x = BinConv(level.features, level.stride, not level.joins, self.dtype, name="conv")(x)
        else:
            x = strided(x, level, self.dtype, "conv")
        x = _norm(level.groups, "conv_norm", x if added is None else x + added)
        x = gelu(x)
        x = _along_steps(DConv(level, level.residual_depth, self.dtype, name="dconv"), x)
        x = _gate(2 * level.features, 1, self.over_bins, self.dtype)(x)
        return nn.glu(_norm(level.groups, "gate_norm", x))


class DecoderLayer(nn.Module):
    """A gated linear unit on the sum of input and skip connection, a residual branch, and a transposed convolution.

    Attributes:
        level: the U-Net's, with the channels that come in.
        features: channels that go out.
        over_bins: whether the input has bins.
        last: of all, so that no rectifier follows.
        dtype: of the computation.
    """

    level: Level
    features: int
    over_bins: bool
    last: bool
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, skip: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Multiplies bins, or steps, by the stride; returns that, and what the transposed convolution saw."""
        level = self.level
        x = _gate(2 * level.features, 3, self.over_bins, self.dtype)(x + skip)
        inner = nn.glu(_norm(level.groups, "gate_norm", x))
        inner = _along_steps(DConv(level, level.decoder_depth, self.dtype, name="dconv"), inner)
        x = _upsampled(inner, level, self.features, self.over_bins, self.dtype)
        return (x if self.last else gelu(x)), inner


class Split(nn.Module):
    """A transposed convolution to the steps of a level's input, with a norm and a rectifier.

    Attributes:
        level: the U-Net's, with the channels that come in.
        features: channels that go out.
        dtype: of the computation.
    """

    level: Level
    features: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (batch, steps, channels) to (batch, stride * steps, features)."""
        return gelu(_upsampled(x, self.level, self.features, False, self.dtype))


def strided(x: jax.Array, level: Level, dtype: jnp.dtype, name: str) -> jax.Array:
    """(batch, steps, channels), padded to whole strides, divided by a level's stride."""
    x = jnp.pad(x, ((0, 0), (0, -x.shape[1] % level.stride), (0, 0)))
    return Conv1d(level.features, 2 * level.stride, level.stride, dtype=dtype, name=name)(x)


def _upsampled(x: jax.Array, level: Level, features: int, over_bins: bool, dtype: jnp.dtype) -> jax.Array:
    """The transposed convolution, and a norm, which sees the ends that are cut off behind it."""
    kind = BinUpsample if over_bins else Upsample1d
    whole = level.groups > 0 or (level.joins and over_bins)
    x = kind(features, level.stride, whole=whole, dtype=dtype, name="up")(x)
    x = _norm(level.groups, "up_norm", x)
    cut = 0 if not whole or (level.joins and over_bins) else level.stride // 2
    return x[:, cut : x.shape[1] - cut]


def _norm(groups: int, name: str, x: jax.Array) -> jax.Array:
    """A norm, or nothing where there are no groups."""
    return GroupNorm(groups, name=name)(x) if groups else x


def _gate(features: int, size: int, over_bins: bool, dtype: jnp.dtype) -> nn.Module:
    """The convolution before a gated linear unit."""
    if over_bins:
        return Conv(features, size, use_bias=True, dtype=dtype, name="gate")
    return Conv1d(features, size, gain=RECTIFIED, dtype=dtype, name="gate")


def _along_steps(branch: DConv, x: jax.Array) -> jax.Array:
    """A residual branch along the frames of each bin, or along the steps."""
    return branch(x.reshape(-1, *x.shape[-2:])).reshape(x.shape)
