"""Networks that map magnitude spectrograms to masks."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from auralflow_jax.networks import blocks


class SpectrogramNetSimple(nn.Module):
    """U-Net of double convolutions (Ronneberger et al. 2015, "U-Net", with batch normalisation).

    Attributes:
        num_targets: masks to estimate.
        num_channels: audio channels, seen together.
        hidden_channels: of the first level; every further level, and the bottleneck, doubles them.
        depth: levels above the bottleneck; bins and frames are padded inside to a multiple of 2 ** depth.
        mask_activation: name of the last layer's activation.
        leak_factor: slope of the rectifiers below zero.
        dropout_p: probability with which the decoder's channels are dropped while training.
        normalize_input: normalise each bin over batch, channels and frames, with a learned scale and shift;
            fixes the number of bins.
        normalize_output: the same before the mask's activation.
        dtype: of the computation; parameters and statistics are float32.
    """

    num_targets: int = 1
    num_channels: int = 1
    hidden_channels: int = 16
    depth: int = 5
    mask_activation: str = "sigmoid"
    leak_factor: float = 0.0
    dropout_p: float = 0.0
    normalize_input: bool = False
    normalize_output: bool = False
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, magnitude: jax.Array, train: bool = False) -> tuple[jax.Array, None]:
        """Estimates masks.

        Args:
            magnitude: (batch, channels, bins, frames), >= 0.
            train: normalise by the batch's statistics, update the running ones, drop out.

        Returns:
            Masks (batch, targets, channels, bins, frames) and None, as there is no latent variable.
        """
        batch, _, bins, frames = magnitude.shape
        x = magnitude.astype(self.dtype)
        if self.normalize_input:
            x = self.norm_bins(x, train, "input_norm")
        x = jnp.moveaxis(x, 1, -1)  # to (batch, bins, frames, channels)
        stride = 2**self.depth
        x = jnp.pad(x, ((0, 0), (0, -bins % stride), (0, -frames % stride), (0, 0)))

        skips = []
        for level in range(self.depth):
            skips.append(self.double_conv(level, f"down_{level}")(x, train=train))
            x = blocks.max_pool(skips[-1])
        x = self.double_conv(self.depth, "bottleneck")(x, train=train)
        for level in reversed(range(self.depth)):
            x = blocks.Upsample(self.hidden_channels * 2**level, dtype=self.dtype, name=f"up_{level}")(x)
            x = self.double_conv(level, f"merge_{level}")(skips[level], x, train=train)
            x = nn.Dropout(self.dropout_p, broadcast_dims=(1, 2))(x, deterministic=not train)

        x = blocks.Conv(self.num_targets * self.num_channels, size=1, use_bias=True, dtype=self.dtype,
                        name="head")(x)[:, :bins, :frames]
        x = x.reshape(batch, bins, frames, self.num_targets, self.num_channels)
        x = x.transpose(0, 3, 4, 1, 2)  # to (batch, targets, channels, bins, frames)
        if self.normalize_output:
            x = self.norm_bins(x, train, "output_norm")
        return blocks.mask_activation(self.mask_activation)(x.astype(magnitude.dtype)), None

    def double_conv(self, level: int, name: str) -> blocks.DoubleConv:
        return blocks.DoubleConv(self.hidden_channels * 2**level, self.leak_factor, self.dtype, name=name)

    def norm_bins(self, x: jax.Array, train: bool, name: str) -> jax.Array:
        """Batch normalisation of (..., bins, frames) over everything but the bins."""
        norm = blocks.BatchNorm(dtype=self.dtype, name=name)
        return jnp.swapaxes(norm(jnp.swapaxes(x, -1, -2), train), -1, -2)
