"""Networks that map waveforms to waveforms."""

import jax
import jax.numpy as jnp
from flax import linen as nn

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

    Skip connections join the channels as in Wave-U-Net (Stoller, Ewert and Dixon 2018); kernels of 8 with stride 4,
    gated linear units, and the input's level that is taken out and put back are those of Demucs (Défossez et al.
    2019, "Music source separation in the waveform domain"). There is no normalisation inside: the initial weights
    keep the signal's variance, and the level is normalised before.

    Attributes:
        num_targets: waveforms to estimate.
        num_channels: audio channels, seen together.
        hidden_channels: of the first level; every further level doubles them.
        depth: levels; samples are padded inside to a multiple of 4 ** depth.
        dropout_p: probability with which the decoder's channels are dropped while training.
        dtype: of the computation; parameters are float32.
    """

    num_targets: int = 1
    num_channels: int = 1
    hidden_channels: int = 32
    depth: int = 5
    dropout_p: float = 0.0
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
        batch, channels, samples = mixture.shape
        centred = mixture - mixture.mean((1, 2), keepdims=True)
        level = jnp.sqrt(jnp.mean(jnp.square(centred), (1, 2), keepdims=True) + SILENT)
        x = (centred / level).swapaxes(1, 2).astype(self.dtype)  # to (batch, samples, channels)
        x = jnp.pad(x, ((0, 0), (0, -samples % self.step_samples()), (0, 0)))

        widths, skips = [self.hidden_channels * 2**level for level in range(self.depth)], []
        for number, width in enumerate(widths):
            x = Down(width, self.dtype, name=f"down_{number}")(x)
            skips.append(x)
        x, latent = self.between(x, train, noise)
        x = nn.relu(Conv1d(widths[-1], 3, dtype=self.dtype, name="bottleneck")(x))
        for number in reversed(range(self.depth)):
            x = nn.glu(
                Conv1d(2 * widths[number], 3, gain=GATED, dtype=self.dtype, name=f"merge_{number}")(skips[number], x)
            )
            x = nn.Dropout(self.dropout_p, broadcast_dims=(1,))(x, deterministic=not train)
            outputs = widths[number - 1] if number else self.num_targets * channels
            x = Upsample1d(outputs, STRIDE, dtype=self.dtype, name=f"up_{number}")(x)
            x = nn.relu(x) if number else x

        x = x[:, :samples].reshape(batch, samples, self.num_targets, channels).transpose(0, 2, 3, 1)
        return x.astype(mixture.dtype) * level[:, None], latent

    def step_samples(self) -> int:
        """Samples that make up one step at the bottom."""
        return STRIDE**self.depth

    def between(self, x: jax.Array, train: bool, noise: jax.Array | None) -> tuple[jax.Array, Latent | None]:
        """What happens to the deepest level (batch, steps, channels) before the bottleneck: nothing here."""
        return x, None


class AudioNetSimpleLSTM(RecurrentBottleneck, AudioNetSimple):
    """U-Net over the samples with bidirectional LSTMs before the bottleneck.

    Attributes:
        recurrent_depth: stacked layers.
        hidden_size: requested size of each direction; at most the deepest level's channels are used.
        recurrent_group: steps of the deepest level that the recurrent layers see as one, with all their channels.
    """

    recurrent_depth: int = 3
    hidden_size: int = 1024
    recurrent_group: int = 4

    def step_samples(self) -> int:
        return super().step_samples() * self.recurrent_group

    def between(self, x: jax.Array, train: bool, noise: jax.Array | None) -> tuple[jax.Array, Latent | None]:
        """Recurrent layers along (batch, steps, channels)."""
        batch, steps, channels = x.shape
        groups = x.reshape(batch, steps // self.recurrent_group, self.recurrent_group * channels)
        sequence, latent = self.recur(groups, train, noise)
        return sequence.reshape(x.shape), latent


class AudioNetVAE(VariationalBottleneck, AudioNetSimpleLSTM):
    """U-Net over the samples with a latent variable (Kingma and Welling 2013) and LSTMs before the bottleneck.

    Training samples from the random stream `noise`; evaluation takes the mean.
    """
