"""TFC-TDF: a U-Net of sub-bands with linear layers over all bins at every level."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from auralflow_core import config as configuration
from auralflow_jax.layers.conv2d import Conv, kaiming
from auralflow_jax.layers.norms import ChannelNorm
from auralflow_jax.layers.patches import PatchConv, PatchUpsample


class BinLinear(nn.Module):
    """Linear layer without bias over the bins of (batch, frames, bins, channels).

    Attributes:
        features: that the bins become.
        dtype: of the computation.
    """

    features: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (batch, frames, bins, channels) to (batch, frames, features, channels)."""
        kernel = self.param("kernel", kaiming, (x.shape[2], self.features), jnp.float32)
        return jnp.einsum("btfc,fg->btgc", x.astype(self.dtype), kernel.astype(self.dtype))


class Block(nn.Module):
    """Two convolutions with two linear layers over the bins between them, beside a shortcut.

    Attributes:
        features: channels that go out.
        hidden: features between the linear layers.
        dtype: of the computation.
    """

    features: int
    hidden: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (batch, frames, bins, channels) to (batch, frames, bins, features)."""
        y = Conv(self.features, dtype=self.dtype, name="enter")(activate(x, "enter_norm"))
        z = BinLinear(self.hidden, self.dtype, name="squeeze")(activate(y, "squeeze_norm"))
        y = y + BinLinear(x.shape[2], self.dtype, name="expand")(activate(z, "expand_norm"))
        y = Conv(self.features, dtype=self.dtype, name="leave")(activate(y, "leave_norm"))
        return y + PatchConv(self.features, (1, 1), 1.0, self.dtype, name="shortcut")(x)


class Level(nn.Module):
    """The blocks of a level, and the strided convolution down from it.

    Attributes:
        config: the settings.
        level: from 0.
        dtype: of the computation.
    """

    config: configuration.TFCTDF
    level: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Maps (batch, frames, bins, features) to the next level's input, and to what skips it."""
        config = self.config
        for index in range(config.num_blocks):
            x = make_block(config, self.level, self.dtype, f"blocks_{index}")(x)
        features = config.hidden_channels + (self.level + 1) * config.growth
        stride = config.frame_stride, config.bin_stride
        return PatchConv(features, stride, 2.0, self.dtype, name="down")(activate(x, "norm")), x


class LevelUp(nn.Module):
    """The transposed convolution up to a level, and its blocks.

    Attributes:
        config: the settings.
        level: from 0.
        dtype: of the computation.
    """

    config: configuration.TFCTDF
    level: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, skip: jax.Array) -> jax.Array:
        """Maps (batch, frames, bins, channels) of the next level and what skips it to (batch, ..., features)."""
        config = self.config
        stride = config.frame_stride, config.bin_stride
        x = PatchUpsample(skip.shape[-1], stride, 2.0, self.dtype, name="up")(activate(x, "norm"))
        x = jnp.concatenate([x, skip.astype(x.dtype)], axis=-1)
        for index in range(config.num_blocks):
            x = make_block(config, self.level, self.dtype, f"blocks_{index}")(x)
        return x


class TFCTDF(nn.Module):
    """Time-frequency convolutions and time-distributed fully connected layers (Kim et al. 2023, "Sound demixing
    challenge 2023: music demixing track technical report"; Choi et al. 2020), as MDX23C has them.

    The lowest bins are cut into sub-bands, which become channels of a U-Net. The network returns spectra.

    Attributes:
        config: the settings.
        dtype: of the computation; parameters, spectra and norms are float32.
    """

    config: configuration.TFCTDF
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, spectrum: jax.Array, train: bool = False, noise: None = None) -> tuple[jax.Array, None]:
        """Estimates spectra.

        Args:
            spectrum: real and imaginary parts, (batch, channels, 2, bins, frames).
            train: unused, as nothing differs in training.
            noise: unused, as there is no latent variable.

        Returns:
            Real and imaginary parts of the targets, (batch, targets, channels, 2, bins, frames), and None.

        Raises:
            ValueError: another number of bins than the network is made for, or of frames than its levels can divide.
        """
        config, (batch, channels, parts, bins, frames) = self.config, spectrum.shape
        if bins != config.num_fft // 2 + 1 or frames % config.frame_multiple:
            raise ValueError(
                f"TFCTDF is made for {config.num_fft // 2 + 1} bins and a multiple of {config.frame_multiple} frames, "
                f"got {bins} bins and {frames} frames"
            )
        subbands, seen = config.num_subbands, config.num_bins
        x = spectrum[..., :seen, :].astype(self.dtype).reshape(batch, channels, parts, subbands, -1, frames)
        # to (batch, frames, bins of a sub-band, channels and parts and sub-bands)
        mixture = x.transpose(0, 5, 4, 1, 2, 3).reshape(batch, frames, seen // subbands, -1)
        first = PatchConv(config.hidden_channels, (1, 1), 1.0, self.dtype, name="first")(mixture)
        x = jnp.concatenate([mixture, self.unmix(first) * first], axis=-1)
        x = nn.gelu(Conv(config.hidden_channels, 1, dtype=self.dtype, name="last_0")(x), approximate=False)
        outputs = len(config.targets) * mixture.shape[-1]
        x = PatchConv(outputs, (1, 1), 1.0, self.dtype, name="last_1")(x)
        x = x.astype(np.promote_types(self.dtype, np.float32))
        x = x.reshape(batch, frames, -1, len(config.targets), channels, parts, subbands)
        x = x.transpose(0, 3, 4, 5, 6, 2, 1).reshape(batch, -1, channels, parts, seen, frames)
        x = jnp.pad(x, ((0, 0),) * 4 + ((0, bins - seen), (0, 0)))
        return x.astype(spectrum.dtype), None

    def unmix(self, x: jax.Array) -> jax.Array:
        """All levels, on (batch, frames, bins, features)."""
        config, skips = self.config, []
        for level in range(config.depth):
            x, skip = Level(config, level, self.dtype, name=f"encoder_{level}")(x)
            skips.append(skip)
        for index in range(config.num_blocks):
            x = make_block(config, config.depth, self.dtype, f"middle_{index}")(x)
        for level in reversed(range(config.depth)):
            x = LevelUp(config, level, self.dtype, name=f"decoder_{level}")(x, skips[level])
        return x


def activate(x: jax.Array, name: str) -> jax.Array:
    """A norm, and a smooth rectifier."""
    return nn.gelu(ChannelNorm(name=name)(x), approximate=False)


def make_block(config: configuration.TFCTDF, level: int, dtype: jnp.dtype, name: str) -> Block:
    """A block of a level."""
    bins = config.num_bins // config.num_subbands // config.bin_stride**level
    return Block(config.hidden_channels + level * config.growth, bins // config.compression, dtype, name=name)
