"""Networks that map waveforms to waveforms."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from auralflow_core import config as configuration
from auralflow_jax.layers.conv1d import GATED, Conv1d, Upsample1d
from auralflow_jax.layers.lstm import RecurrentBottleneck
from auralflow_jax.layers.variational import Latent, VariationalBottleneck

STRIDE = 4  # of every level
SILENT = 1e-10  # mean square that is added before the level is taken, so that silence has one: -100 dBFS


class Down(nn.Module):
    """A level of the encoder: strided convolution, rectifier, and a gated linear unit over the channels."""

    features: int
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (batch, steps, channels) to (batch, steps / 4, features)."""
        x = nn.relu(Conv1d(self.features, 2 * STRIDE, STRIDE, dtype=self.dtype, name="conv")(x))
        return nn.glu(Conv1d(2 * self.features, 1, gain=GATED, dtype=self.dtype, name="gate")(x))


class AudioNetSimple(nn.Module):
    """U-Net of strided convolutions over the samples.

    Skip connections join the channels as in Wave-U-Net (Stoller, Ewert and Dixon 2018). Kernels of 8 with stride 4 and
    gated linear units are those of Demucs (Défossez et al. 2019, "Music source separation in the waveform domain"), as
    is the input's level: the input is divided by it, the output multiplied. There is no normalisation inside: the
    initial weights keep the signal's variance.

    Attributes:
        config: the settings; samples are padded inside to a multiple of `config.alignment`.
        dtype: of the computation; parameters are float32.
    """

    config: configuration.AudioNetSimple
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(
        self, mixture: jax.Array, train: bool = False, noise: jax.Array | None = None
    ) -> tuple[jax.Array, Latent | None]:
        """Estimates waveforms.

        Args:
            mixture: (batch, channels, samples), of any length.
            train: drop out, sample.
            noise: of the latent variable, for networks that have one.

        Returns:
            Audio (batch, targets, channels, samples), and the latent variable's mu and sigma or None.
        """
        config, (batch, channels, samples) = self.config, mixture.shape
        centred = mixture - mixture.mean((1, 2), keepdims=True)
        level = jnp.sqrt(jnp.mean(jnp.square(centred), (1, 2), keepdims=True) + SILENT)
        x = (centred / level).swapaxes(1, 2).astype(self.dtype)  # to (batch, samples, channels)
        x = jnp.pad(x, ((0, 0), (0, -samples % self.samples_per_step()), (0, 0)))

        widths, skips = [config.hidden_channels * 2**level for level in range(config.depth)], []
        for number, width in enumerate(widths):
            x = Down(width, self.dtype, name=f"down_{number}")(x)
            skips.append(x)
        x, latent = self.transform_bottleneck(x, train, noise)
        x = nn.relu(Conv1d(widths[-1], 3, dtype=self.dtype, name="bottleneck")(x))
        targets = len(config.targets)
        for number in reversed(range(config.depth)):
            x = nn.glu(
                Conv1d(2 * widths[number], 3, gain=GATED, dtype=self.dtype, name=f"merge_{number}")(skips[number], x)
            )
            x = nn.Dropout(config.dropout_p, broadcast_dims=(1,))(x, deterministic=not train)
            outputs = widths[number - 1] if number else targets * channels
            x = Upsample1d(outputs, STRIDE, dtype=self.dtype, name=f"up_{number}")(x)
            x = nn.relu(x) if number else x

        x = x[:, :samples].reshape(batch, samples, targets, channels).transpose(0, 2, 3, 1)
        return x.astype(mixture.dtype) * level[:, None], latent

    def samples_per_step(self) -> int:
        """The number of samples that make up one step at the bottom."""
        return STRIDE**self.config.depth

    def transform_bottleneck(
        self, x: jax.Array, train: bool, noise: jax.Array | None
    ) -> tuple[jax.Array, Latent | None]:
        """Maps the deepest level (batch, steps, channels), before the bottleneck, to the same shape: here to itself."""
        return x, None


class AudioNetSimpleLSTM(RecurrentBottleneck, AudioNetSimple):
    """U-Net over the samples with bidirectional LSTMs before the bottleneck."""

    config: configuration.AudioNetSimpleLSTM

    def samples_per_step(self) -> int:
        return super().samples_per_step() * self.config.recurrent_group

    def transform_bottleneck(
        self, x: jax.Array, train: bool, noise: jax.Array | None
    ) -> tuple[jax.Array, Latent | None]:
        """Applies recurrent layers along (batch, steps, channels)."""
        batch, steps, channels = x.shape
        group = self.config.recurrent_group
        sequence, latent = self.run_recurrent(x.reshape(batch, steps // group, group * channels), train, noise)
        return sequence.reshape(x.shape), latent


class AudioNetVAE(VariationalBottleneck, AudioNetSimpleLSTM):
    """U-Net over the samples with a latent variable (Kingma and Welling 2013) and LSTMs before the bottleneck.

    Training samples from the random stream `noise`; evaluation takes the mean.
    """

    config: configuration.AudioNetVAE
