"""Layers that the networks share: channels-last inside, parameters that convert to torch's bit for bit."""

import functools
import operator
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import lax

from auralflow_jax.layers.kernels.conv3x3 import convolve

# Kaiming initialisation for rectified layers (He et al. 2015, "Delving deep into rectifiers"), over the fan-in.
kaiming = nn.initializers.variance_scaling(2.0, "fan_in", "normal")


class Conv(nn.Module):
    """3x3 or 1x1 convolution that keeps the size; several inputs act as one, joined along the channels.

    Joining by adding the convolutions of the parts spares the concatenated array, and XLA's convolution on the
    CPU is quicker on the narrower parts.
    """

    features: int
    size: int = 3
    use_bias: bool = False
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, *inputs: jax.Array) -> jax.Array:
        """Maps arrays (batch, bins, frames, channels of each) to (batch, bins, frames, features)."""
        widths = [x.shape[-1] for x in inputs]
        kernel = self.param("kernel", kaiming, (self.size, self.size, sum(widths), self.features), jnp.float32)
        kernel = kernel.astype(self.dtype)
        apply = convolve if self.size == 3 else lambda x, kernel: x @ kernel[0, 0]
        kernels = jnp.split(kernel, np.cumsum(widths)[:-1], axis=2)
        parts = [apply(x.astype(self.dtype), part) for x, part in zip(inputs, kernels, strict=True)]
        result = functools.reduce(operator.add, parts)
        if self.use_bias:
            bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32).astype(self.dtype)
            result = result + jnp.broadcast_to(bias, result.shape)
        return result


class Upsample(nn.Module):
    """2x2 transposed convolution with stride 2.

    Its windows do not overlap, so it is a dense layer to four pixels and a reshape: the same function, and on the
    CPU several times quicker than XLA's transposed convolution. The kernel is (2, 2, features, channels).
    """

    features: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (batch, bins, frames, channels) to (batch, 2 bins, 2 frames, features)."""
        batch, bins, frames, channels = x.shape
        init = nn.initializers.variance_scaling(
            1.0, "fan_in", "normal", in_axis=-1, out_axis=-2, batch_axis=(0, 1)
        )  # each output pixel has one input pixel
        kernel = self.param("kernel", init, (2, 2, self.features, channels), jnp.float32).astype(self.dtype)
        bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32).astype(self.dtype)
        dense = kernel.transpose(3, 0, 1, 2).reshape(channels, -1)
        pixels = x.astype(self.dtype).reshape(-1, channels) @ dense
        # Rows of two pixels move as one piece: to (batch, bins, 2, frames, 2 * features), bins and 2 adjacent.
        pixels = pixels.reshape(batch, bins, frames, 2, -1).transpose(0, 1, 3, 2, 4)
        picture = pixels.reshape(batch, 2 * bins, 2 * frames, self.features)
        return picture + jnp.broadcast_to(bias, picture.shape)


class BatchNorm(nn.Module):
    """Batch normalisation over all axes but the last, with torch's running statistics.

    torch puts the unbiased variance into the running value and normalises by the biased one; flax's own layer
    uses the biased one for both. Statistics are float32 whatever the computation's type.
    """

    momentum: float = 0.1  # share of the new batch in the running value
    epsilon: float = 1e-5
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Normalises (..., channels)."""
        channels = x.shape[-1]
        scale = self.param("scale", nn.initializers.ones, (channels,), jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (channels,), jnp.float32)
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, (channels,), jnp.float32)
        running_var = self.variable("batch_stats", "var", jnp.ones, (channels,), jnp.float32)
        if train:
            axes, count = tuple(range(x.ndim - 1)), x.size // channels
            wide = x.astype(np.promote_types(x.dtype, np.float32))
            mean = jnp.mean(wide, axes)
            var = jnp.maximum(jnp.mean(jnp.square(wide), axes) - jnp.square(mean), 0)
            if not self.is_initializing():
                keep = 1 - self.momentum
                running_mean.value = keep * running_mean.value + self.momentum * mean
                running_var.value = keep * running_var.value + self.momentum * var * (count / max(count - 1, 1))
        else:
            mean, var = running_mean.value, running_var.value
        gain = scale * lax.rsqrt(var + self.epsilon)
        factor, offset = (jnp.broadcast_to(y.astype(self.dtype), x.shape) for y in (gain, bias - mean * gain))
        return x * factor + offset


class DoubleConv(nn.Module):
    """Twice: convolution, batch normalisation, rectifier."""

    features: int
    leak_factor: float = 0.0
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, *inputs: jax.Array, train: bool) -> jax.Array:
        """Maps arrays (batch, bins, frames, channels of each) to (batch, bins, frames, features)."""
        x = Conv(self.features, dtype=self.dtype, name="conv_0")(*inputs)
        x = rectify(BatchNorm(dtype=self.dtype, name="norm_0")(x, train), self.leak_factor)
        x = Conv(self.features, dtype=self.dtype, name="conv_1")(x)
        return rectify(BatchNorm(dtype=self.dtype, name="norm_1")(x, train), self.leak_factor)


def rectify(x: jax.Array, leak_factor: float) -> jax.Array:
    """Rectifier with a slope below zero."""
    return nn.leaky_relu(x, leak_factor) if leak_factor else nn.relu(x)


def mask_activation(name: str) -> Callable[[jax.Array], jax.Array]:
    """The function that makes masks (batch, targets, channels, bins, frames) of a network's last layer.

    Args:
        name: a `mask_activation` of the configuration, which refuses others.
    """
    return {
        "sigmoid": nn.sigmoid,
        "softmax": lambda x: nn.softmax(x, axis=1),
        "hardtanh": lambda x: jnp.clip(x, 0, 1),
        "relu": nn.relu,
        "softplus": nn.softplus,
        "identity": lambda x: x,
    }[name]
