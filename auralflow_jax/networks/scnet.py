"""SCNet: bands of bins that lose more of their resolution the higher they are, and LSTMs over bins and frames."""

import functools
import operator

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import lax

from auralflow_core import config as configuration
from auralflow_core.config.networks.scnet import Band
from auralflow_jax.fourier import irfft, rfft
from auralflow_jax.layers.band_resample import BandConv, BandUpsample
from auralflow_jax.layers.conv1d import Conv1d
from auralflow_jax.layers.conv2d import Conv, kaiming
from auralflow_jax.layers.in_parts import in_parts
from auralflow_jax.layers.kernels.conv3x3 import convolve
from auralflow_jax.layers.lstm import Recurrent
from auralflow_jax.layers.norms import WholeNorm

HIDDEN_MASK = 64  # channels between the two convolutions that make masks
SEQUENCES = 64  # that an LSTM runs over side by side, at least; with fewer it takes longer


class ChannelConv(nn.Module):
    """Convolution of each channel by itself, as multiply-adds. The kernel is (size, 1, channels).

    Attributes:
        size: of the kernel, in steps; odd.
        dtype: of the computation.
    """

    size: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (rows, steps, channels) to the same shape."""
        steps, channels = x.shape[1:]
        init = nn.initializers.normal(self.size**-0.5)
        kernel = self.param("kernel", init, (self.size, 1, channels), jnp.float32).astype(self.dtype)
        bias = self.param("bias", nn.initializers.zeros, (channels,), jnp.float32).astype(self.dtype)
        padded = jnp.pad(x.astype(self.dtype), ((0, 0), (self.size // 2, self.size // 2), (0, 0)))
        taps = (padded[:, tap : tap + steps] * kernel[None, tap] for tap in range(self.size))
        found = functools.reduce(operator.add, taps)
        return found + jnp.broadcast_to(bias, found.shape)


class ResidualLayer(nn.Module):
    """Convolutions along (rows, frames, channels), the inner one of each channel by itself.

    Attributes:
        hidden: channels inside.
        size: of the kernels, in frames; odd.
        dtype: of the computation.
    """

    hidden: int
    size: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (rows, frames, channels) to the same shape."""
        y = WholeNorm(name="norm")(x)
        y = nn.glu(Conv1d(2 * self.hidden, self.size, gain=1.0, dtype=self.dtype, name="squeeze")(y))
        y = nn.silu(WholeNorm(name="inner_norm")(ChannelConv(self.size, self.dtype, name="inner")(y)))
        return x + Conv1d(x.shape[-1], 1, gain=1.0, dtype=self.dtype, name="expand")(y)


class Encoder(nn.Module):
    """One level down: each band's convolution and residual layers, then a convolution over all bins.

    Attributes:
        config: the settings.
        level: from 0.
        dtype: of the computation.
    """

    config: configuration.SCNet
    level: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Maps (batch, bins, frames, channels) to (batch, fewer bins, frames, features), and to what skips the rest."""
        config, features = self.config, self.config.level_channels[self.level]
        down = BandConv(
            features, config.levels[self.level], config.band_strides, config.band_kernels, self.dtype, name="down"
        )
        bands = []
        for index, (band, layers) in enumerate(zip(down(x), config.band_depths, strict=True)):
            rows = band.reshape(-1, *band.shape[2:])
            for layer in range(layers):
                rows = ResidualLayer(
                    features // config.compression, config.kernel_size, self.dtype, name=f"branch_{index}_{layer}"
                )(rows)
            bands.append(nn.gelu(rows, approximate=False).reshape(band.shape))
        skip = jnp.concatenate(bands, axis=1)
        return Conv(features, use_bias=True, dtype=self.dtype, name="conv")(skip), skip


class Gate(nn.Module):
    """A 3x3 convolution of an input that stands twice along the channels, and a gated linear unit."""

    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (batch, bins, frames, channels) to the same shape."""
        features = 2 * x.shape[-1]
        kernel = self.param("kernel", kaiming, (3, 3, features, features), jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (features,), jnp.float32).astype(self.dtype)
        # Both halves of the kernel meet the same numbers.
        kernel = functools.reduce(operator.add, jnp.split(kernel, 2, axis=2))
        found = convolve(x.astype(self.dtype), kernel.astype(self.dtype))
        return nn.glu(found + jnp.broadcast_to(bias, found.shape))


class Decoder(nn.Module):
    """One level up: a gated convolution, then each band's transposed convolution.

    Attributes:
        config: the settings.
        bands: of the bins that go out.
        features: channels that go out.
        dtype: of the computation.
    """

    config: configuration.SCNet
    bands: tuple[Band, ...]
    features: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (batch, fewer bins, frames, channels) to (batch, bins, frames, features)."""
        config = self.config
        up = BandUpsample(self.features, self.bands, config.band_strides, config.band_kernels, self.dtype, name="up")
        return up(Gate(self.dtype, name="gate")(x))


class Path(nn.Module):
    """A norm, an LSTM and a linear layer, along the bins or the frames.

    Attributes:
        hidden: features of each direction of the LSTM.
        axis: 1 for bins, 2 for frames.
        dtype: of the computation.
    """

    hidden: int
    axis: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        """Maps (batch, bins, frames, channels) to the same shape."""
        y = WholeNorm(name="norm")(x)
        y = y.swapaxes(1, 2) if self.axis == 1 else y  # to (batch, steps of others, own steps, channels)
        rows = y.reshape(-1, *y.shape[2:])
        recurrent = Recurrent(self.hidden, dtype=self.dtype, name="recurrent")
        gates = rows.shape[1] * 8 * self.hidden
        found = recurrent(rows) if train else in_parts(recurrent, rows, gates, least=SEQUENCES)
        y = found.reshape(y.shape)
        return x + (y.swapaxes(1, 2) if self.axis == 1 else y)


class SCNet(nn.Module):
    """Sparse compression network (Tong et al. 2024, "SCNet: sparse compression network for music source separation").

    At each level a band of bins is divided by its own stride. At the deepest one, LSTMs over the bins and over the
    frames take turns; every second pair of them sees the Fourier transform of the frames. The network returns spectra;
    with `masks` it multiplies the mixture's by what it makes.

    Attributes:
        config: the settings.
        dtype: of the computation; parameters, spectra and norms are float32.
    """

    config: configuration.SCNet
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, spectrum: jax.Array, train: bool = False, noise: None = None) -> tuple[jax.Array, None]:
        """Estimates spectra.

        Args:
            spectrum: real and imaginary parts, (batch, channels, 2, bins, frames).
            train: keep what the gradient needs.
            noise: unused, as there is no latent variable.

        Returns:
            Real and imaginary parts of the targets, (batch, targets, channels, 2, bins, frames), and None.

        Raises:
            ValueError: another number of bins than the network is made for.
        """
        config, (batch, channels, parts, bins, frames) = self.config, spectrum.shape
        if bins != config.num_fft // 2 + 1:
            raise ValueError(f"SCNet is made for {config.num_fft // 2 + 1} bins, got {bins}")
        wide = np.promote_types(self.dtype, np.float32)
        mixture = spectrum.astype(wide).transpose(0, 3, 4, 1, 2) * jnp.asarray(config.num_fft**-0.5, wide)
        x = mixture.reshape(batch, bins, frames, -1)
        if config.masks:
            table = self.param("bin_embedding", nn.initializers.normal(0.02), (x.shape[-1], bins), jnp.float32)
            x = x + jnp.broadcast_to(table.astype(wide).T[:, None], x.shape)
        x = self.unmix(x.astype(self.dtype), train).astype(wide)
        x = x.reshape(batch, bins, frames, len(config.targets), channels, parts)
        if config.masks:
            x = multiply(x, jnp.broadcast_to(mixture[:, :, :, None], x.shape))
        x = x * jnp.asarray(config.num_fft**0.5, wide)
        return x.transpose(0, 3, 4, 5, 1, 2).astype(spectrum.dtype), None

    def unmix(self, x: jax.Array, train: bool) -> jax.Array:
        """All levels, on (batch, bins, frames, numbers)."""
        config, skips, outputs = self.config, [], len(self.config.targets) * x.shape[-1]
        frames, channels = x.shape[2], config.level_channels
        for level in range(len(channels)):
            x, skip = Encoder(config, level, self.dtype, name=f"encoder_{level}")(x)
            skips.append(skip)
        for layer in range(config.num_layers):
            for number, axis in enumerate((1, 2)):
                hidden = config.expansion * x.shape[-1]
                x = Path(hidden, axis, self.dtype, name=f"path_{2 * layer + number}")(x, train)
            x = to_frames(x, frames) if layer % 2 else to_spectrum(x)
        for level in reversed(range(len(channels))):
            features = channels[level - 1] if level else outputs
            x = Decoder(config, config.levels[level], features, self.dtype, name=f"decoder_{level}")(x + skips[level])
        if config.masks:
            x = Conv(HIDDEN_MASK, use_bias=True, dtype=self.dtype, name="mask_0")(x)
            x = nn.gelu(x, approximate=False)
            x = jnp.tanh(Conv(outputs, 1, use_bias=True, dtype=self.dtype, name="mask_1")(x))
        return x


def to_spectrum(x: jax.Array) -> jax.Array:
    """The Fourier transform of the frames of (batch, bins, frames, channels); real before imaginary parts."""
    spectrum = rfft(x.astype(np.promote_types(x.dtype, np.float32)), axis=2, norm="ortho")
    return jnp.concatenate([spectrum.real, spectrum.imag], axis=-1).astype(x.dtype)


def to_frames(x: jax.Array, frames: int) -> jax.Array:
    """The inverse of `to_spectrum`."""
    real, imaginary = jnp.split(x.astype(np.promote_types(x.dtype, np.float32)), 2, axis=-1)
    return irfft(lax.complex(real, imaginary), frames, axis=2, norm="ortho").astype(x.dtype)


def multiply(x: jax.Array, y: jax.Array) -> jax.Array:
    """The complex product of (..., 2), real before imaginary parts."""
    (a, b), (c, d) = ((z[..., 0], z[..., 1]) for z in (x, y))
    return jnp.stack([a * c - b * d, a * d + b * c], axis=-1)
