"""Networks that map magnitude spectrograms to masks."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from auralflow_core import config as configuration
from auralflow_jax.layers import conv2d as blocks
from auralflow_jax.layers.kernels.max_pool import max_pool
from auralflow_jax.layers.lstm import RecurrentBottleneck
from auralflow_jax.layers.variational import Latent, VariationalBottleneck


class SpectrogramNetSimple(nn.Module):
    """U-Net of double convolutions (Ronneberger et al. 2015, "U-Net", with batch normalisation).

    Attributes:
        config: the settings; bins and frames are padded inside to a multiple of 2 ** depth.
        num_frames: frames of the spectrograms; needed only where `input_axis` is 1.
        dtype: of the computation; parameters and statistics are float32.
    """

    config: configuration.SpectrogramNetSimple
    num_frames: int | None = None
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(
        self, magnitude: jax.Array, train: bool = False, noise: jax.Array | None = None
    ) -> tuple[jax.Array, Latent | None]:
        """Estimates masks.

        Args:
            magnitude: (batch, channels, bins, frames), >= 0.
            train: normalise by the batch's statistics, update the running ones, drop out, sample.
            noise: of the latent variable, for networks that have one.

        Returns:
            Masks (batch, targets, channels, bins, frames), and the latent variable's mu and sigma or None.

        Raises:
            ValueError: not the number of bins or frames that the network is fixed to.
        """
        config, (batch, channels, bins, frames) = self.config, magnitude.shape
        self.check_sizes(bins=bins, frames=frames)
        x = magnitude.astype(self.dtype)
        if config.normalize_input:
            x = self.norm_bins(x, train, "input_norm")
        x = jnp.moveaxis(x, 1, -1)  # to (batch, bins, frames, channels)
        stride = 2**config.depth
        x = jnp.pad(x, ((0, 0), (0, -bins % stride), (0, -frames % stride), (0, 0)))

        skips = []
        for level in range(config.depth):
            skips.append(self.double_conv(level, f"down_{level}")(x, train=train))
            x = max_pool(skips[-1])
        x, latent = self.transform_bottleneck(x, train, noise)
        x = self.double_conv(config.depth, "bottleneck")(x, train=train)
        for level in reversed(range(config.depth)):
            x = blocks.Upsample(config.hidden_channels * 2**level, dtype=self.dtype, name=f"up_{level}")(x)
            x = self.double_conv(level, f"merge_{level}")(skips[level], x, train=train)
            x = nn.Dropout(config.dropout_p, broadcast_dims=(1, 2))(x, deterministic=not train)

        targets = len(config.targets)
        x = blocks.Conv(targets * channels, size=1, use_bias=True, dtype=self.dtype, name="head")(x)
        x = x[:, :bins, :frames].reshape(batch, bins, frames, targets, channels)
        x = x.transpose(0, 3, 4, 1, 2)  # to (batch, targets, channels, bins, frames)
        if config.normalize_output:
            x = self.norm_bins(x, train, "output_norm")
        return blocks.mask_activation(config.mask_activation)(x.astype(magnitude.dtype)), latent

    def transform_bottleneck(
        self, x: jax.Array, train: bool, noise: jax.Array | None
    ) -> tuple[jax.Array, Latent | None]:
        """Maps the deepest level (batch, bins, frames, channels), before the bottleneck, to its shape: to itself."""
        return x, None

    def fixed_axes(self) -> set[str]:
        """The axes, of `bins` and `frames`, along which weights are laid out."""
        return {"bins"} if self.config.normalize_input or self.config.normalize_output else set()

    def check_sizes(self, **found: int) -> None:
        """Compares `bins` and `frames` with what the network was made for."""
        for axis in sorted(self.fixed_axes()):
            expected = {"bins": self.config.num_bins, "frames": self.num_frames}[axis]
            if found[axis] != expected:
                raise ValueError(f"{type(self).__name__} is made for num_{axis}={expected}, got {found[axis]} {axis}")

    def double_conv(self, level: int, name: str) -> blocks.DoubleConv:
        config = self.config
        return blocks.DoubleConv(config.hidden_channels * 2**level, config.leak_factor, self.dtype, name=name)

    def norm_bins(self, x: jax.Array, train: bool, name: str) -> jax.Array:
        """Batch normalisation of (..., bins, frames) over everything but the bins."""
        norm = blocks.BatchNorm(dtype=self.dtype, name=name)
        return jnp.swapaxes(norm(jnp.swapaxes(x, -1, -2), train), -1, -2)


class SpectrogramNetLSTM(RecurrentBottleneck, SpectrogramNetSimple):
    """U-Net with bidirectional LSTMs before the bottleneck."""

    config: configuration.SpectrogramNetLSTM

    def transform_bottleneck(
        self, x: jax.Array, train: bool, noise: jax.Array | None
    ) -> tuple[jax.Array, Latent | None]:
        """Applies recurrent layers along the frames, or the bins, of (batch, bins, frames, channels)."""
        swap = self.config.input_axis == 0
        x = x.swapaxes(1, 2) if swap else x
        batch, steps = x.shape[:2]
        sequence, latent = self.run_recurrent(x.reshape(batch, steps, -1), train, noise)
        x = sequence.reshape(x.shape)
        return (x.swapaxes(1, 2) if swap else x), latent

    def fixed_axes(self) -> set[str]:
        return super().fixed_axes() | {("bins", "frames")[self.config.input_axis]}


class SpectrogramNetVAE(VariationalBottleneck, SpectrogramNetLSTM):
    """U-Net with a latent variable (Kingma and Welling 2013) and LSTMs before the bottleneck.

    Training samples from the random stream `noise`; evaluation takes the mean.
    """

    config: configuration.SpectrogramNetVAE
