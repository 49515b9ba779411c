"""Deezer's Spleeter: one U-Net for each target."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from auralflow_core import config as configuration
from auralflow_jax.layers import conv2d as blocks
from auralflow_jax.layers.kernels.conv5x5 import dilate, double, halve


class Resize(nn.Module):
    """5x5 convolution that halves bins and frames, or transposed one that doubles them; see `strided`.

    Attributes:
        features: channels that go out.
        up: double rather than halve.
        dtype: of the computation.
    """

    features: int
    up: bool = False
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (batch, bins, frames, channels) to half or double the bins and frames, `features` channels."""
        channels = x.shape[-1]
        if self.up:  # a quarter of the taps meets each output pixel
            shape, gain, inputs, outputs = (5, 5, self.features, channels), 8.0, -1, -2
        else:
            shape, gain, inputs, outputs = (5, 5, channels, self.features), 2.0, -2, -1
        init = nn.initializers.variance_scaling(gain, "fan_in", "normal", in_axis=inputs, out_axis=outputs)
        kernel = self.param("kernel", init, shape, jnp.float32).astype(self.dtype)
        bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32).astype(self.dtype)
        resized = (double if self.up else halve)(x.astype(self.dtype), kernel)
        return resized + jnp.broadcast_to(bias, resized.shape)


class Head(nn.Module):
    """Dilated 4x4 convolution of one channel to the masks' logits."""

    features: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (batch, bins, frames, 1) to (batch, bins, frames, features)."""
        init = nn.initializers.variance_scaling(1.0, "fan_in", "normal")
        kernel = self.param("kernel", init, (4, 4, 1, self.features), jnp.float32).astype(self.dtype)
        bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32).astype(self.dtype)
        dilated = dilate(x.astype(self.dtype), kernel)
        return dilated + jnp.broadcast_to(bias, dilated.shape)


class UNet(nn.Module):
    """The network of one target. Skips carry what comes before the norm, and the deepest level has none.

    Attributes:
        config: the settings.
        dtype: of the computation.
    """

    config: configuration.SpleeterNet
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Maps magnitudes (batch, bins, frames, channels), a multiple of 2 ** depth, to masks of the same shape."""
        config, channels, skips = self.config, x.shape[-1], []
        learn = train and not config.freeze_statistics
        for level in range(config.depth):
            if level:
                x = blocks.rectify(self.norm(f"down_norm_{level - 1}")(x, learn), config.leak_factor)
            x = Resize(config.hidden_channels * 2**level, dtype=self.dtype, name=f"down_{level}")(x)
            skips.append(x)
        for level in reversed(range(config.depth)):
            x = x if level == config.depth - 1 else jnp.concatenate([skips[level], x], axis=-1)
            features = config.hidden_channels * 2 ** (level - 1) if level else 1
            x = nn.relu(Resize(features, up=True, dtype=self.dtype, name=f"up_{level}")(x))
            x = self.norm(f"up_norm_{level}")(x, learn)
            if level >= config.depth // 2:
                x = nn.Dropout(config.dropout_p)(x, deterministic=not train)
        return nn.sigmoid(Head(channels, self.dtype, name="head")(x))

    def norm(self, name: str) -> blocks.BatchNorm:
        return blocks.BatchNorm(momentum=0.01, epsilon=1e-3, dtype=self.dtype, name=name)


class SpleeterNet(nn.Module):
    """A U-Net for each target that sees the mixture alone (Hennequin, Khlif, Voituret and Moussallam 2020, "Spleeter:
    a fast and efficient music source separation tool with pre-trained models", after Jansson et al. 2017).

    The targets' masks are meant to be joined as a ratio of powers. Any number of bins and frames works.

    Attributes:
        config: the settings; bins and frames are padded inside to a multiple of 2 ** depth.
        dtype: of the computation; parameters and statistics are float32.
    """

    config: configuration.SpleeterNet
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, magnitude: jax.Array, train: bool = False, noise: None = None) -> tuple[jax.Array, None]:
        """Estimates masks.

        Args:
            magnitude: (batch, channels, bins, frames), >= 0.
            train: normalise by the batch's statistics, update the running ones, drop out.
            noise: unused, as there is no latent variable.

        Returns:
            Masks in [0, 1], (batch, targets, channels, bins, frames), and None.
        """
        bins, frames = magnitude.shape[-2:]
        stride = 2**self.config.depth
        x = jnp.moveaxis(magnitude.astype(self.dtype), 1, -1)  # to (batch, bins, frames, channels)
        x = jnp.pad(x, ((0, 0), (0, -bins % stride), (0, -frames % stride), (0, 0)))
        masks = [
            UNet(self.config, self.dtype, name=f"target_{index}")(x, train) for index in range(len(self.config.targets))
        ]
        masks = jnp.stack(masks, axis=1)[:, :, :bins, :frames]
        return jnp.moveaxis(masks, -1, 2).astype(magnitude.dtype), None
