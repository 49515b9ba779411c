"""Networks that map magnitude spectrograms to masks."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from auralflow_jax.layers import conv2d as blocks
from auralflow_jax.layers.kernels.max_pool import max_pool
from auralflow_jax.layers.lstm import RecurrentBottleneck
from auralflow_jax.layers.variational import Latent, VariationalBottleneck


class SpectrogramNetSimple(nn.Module):
    """U-Net of double convolutions (Ronneberger et al. 2015, "U-Net", with batch normalisation).

    Attributes:
        num_bins, num_frames: of the spectrograms; needed only where something fixes them.
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

    num_bins: int | None = None
    num_frames: int | None = None
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
        batch, _, bins, frames = magnitude.shape
        self.check_sizes(bins=bins, frames=frames)
        x = magnitude.astype(self.dtype)
        if self.normalize_input:
            x = self.norm_bins(x, train, "input_norm")
        x = jnp.moveaxis(x, 1, -1)  # to (batch, bins, frames, channels)
        stride = 2**self.depth
        x = jnp.pad(x, ((0, 0), (0, -bins % stride), (0, -frames % stride), (0, 0)))

        skips = []
        for level in range(self.depth):
            skips.append(self.double_conv(level, f"down_{level}")(x, train=train))
            x = max_pool(skips[-1])
        x, latent = self.between(x, train, noise)
        x = self.double_conv(self.depth, "bottleneck")(x, train=train)
        for level in reversed(range(self.depth)):
            x = blocks.Upsample(self.hidden_channels * 2**level, dtype=self.dtype, name=f"up_{level}")(x)
            x = self.double_conv(level, f"merge_{level}")(skips[level], x, train=train)
            x = nn.Dropout(self.dropout_p, broadcast_dims=(1, 2))(x, deterministic=not train)

        x = blocks.Conv(self.num_targets * self.num_channels, size=1, use_bias=True, dtype=self.dtype, name="head")(x)[
            :, :bins, :frames
        ]
        x = x.reshape(batch, bins, frames, self.num_targets, self.num_channels)
        x = x.transpose(0, 3, 4, 1, 2)  # to (batch, targets, channels, bins, frames)
        if self.normalize_output:
            x = self.norm_bins(x, train, "output_norm")
        return blocks.mask_activation(self.mask_activation)(x.astype(magnitude.dtype)), latent

    def between(self, x: jax.Array, train: bool, noise: jax.Array | None) -> tuple[jax.Array, Latent | None]:
        """What happens to the deepest level (batch, bins, frames, channels) before the bottleneck: nothing here."""
        return x, None

    def fixed_axes(self) -> set[str]:
        """The axes, of `bins` and `frames`, along which weights are laid out."""
        return {"bins"} if self.normalize_input or self.normalize_output else set()

    def check_sizes(self, **found: int) -> None:
        """Compares `bins` and `frames` with what the network was made for."""
        for axis in sorted(self.fixed_axes()):
            expected = {"bins": self.num_bins, "frames": self.num_frames}[axis]
            if found[axis] != expected:
                raise ValueError(f"{type(self).__name__} is made for num_{axis}={expected}, got {found[axis]} {axis}")

    def double_conv(self, level: int, name: str) -> blocks.DoubleConv:
        return blocks.DoubleConv(self.hidden_channels * 2**level, self.leak_factor, self.dtype, name=name)

    def norm_bins(self, x: jax.Array, train: bool, name: str) -> jax.Array:
        """Batch normalisation of (..., bins, frames) over everything but the bins."""
        norm = blocks.BatchNorm(dtype=self.dtype, name=name)
        return jnp.swapaxes(norm(jnp.swapaxes(x, -1, -2), train), -1, -2)


class SpectrogramNetLSTM(RecurrentBottleneck, SpectrogramNetSimple):
    """U-Net with bidirectional LSTMs before the bottleneck.

    Attributes:
        recurrent_depth: stacked layers.
        hidden_size: requested size of each direction; at most the deepest level's channels are used.
        input_axis: 0: a step is a frame, its features are bins and channels, and the bins are fixed; 1: a step is
            a bin, its features are frames and channels, and the frames are fixed.
    """

    recurrent_depth: int = 3
    hidden_size: int = 1024
    input_axis: int = 0

    def between(self, x: jax.Array, train: bool, noise: jax.Array | None) -> tuple[jax.Array, Latent | None]:
        """Recurrent layers along the frames, or the bins, of (batch, bins, frames, channels)."""
        if self.input_axis == 0:
            x = x.swapaxes(1, 2)
        batch, steps = x.shape[:2]
        sequence, latent = self.recur(x.reshape(batch, steps, -1), train, noise)
        x = sequence.reshape(x.shape)
        return (x.swapaxes(1, 2) if self.input_axis == 0 else x), latent

    def fixed_axes(self) -> set[str]:
        return super().fixed_axes() | {("bins", "frames")[self.input_axis]}


class SpectrogramNetVAE(VariationalBottleneck, SpectrogramNetLSTM):
    """U-Net with a latent variable (Kingma and Welling 2013) and LSTMs before the bottleneck.

    Training samples from the random stream `noise`; evaluation takes the mean.
    """
