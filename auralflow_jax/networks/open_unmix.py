"""Open-Unmix: one recurrent network for each target."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from auralflow_jax.layers.conv2d import BatchNorm
from auralflow_jax.layers.lstm import LSTM


class Unmix(nn.Module):
    """The network of one target; module names are those of the published weights.

    Attributes:
        seen_bins, hidden_size, recurrent_depth, dropout_p, dtype: see OpenUnmix.
    """

    seen_bins: int
    hidden_size: int
    recurrent_depth: int
    dropout_p: float
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Maps magnitudes (batch, frames, channels, bins) to masks of the same shape."""
        *batch_and_frames, channels, bins = x.shape
        x = self.scale(x[..., : self.seen_bins], "input_mean", "input_scale", mean_first=True)
        x = jnp.tanh(self.dense(x.reshape(*batch_and_frames, -1), self.hidden_size, 1, train))
        recurrent = LSTM(self.hidden_size // 2, self.recurrent_depth, self.dropout_p, self.dtype, name="lstm")
        x = jnp.concatenate([x, recurrent(x, train)], axis=-1)
        x = nn.relu(self.dense(x, self.hidden_size, 2, train))
        x = self.dense(x, channels * bins, 3, train).reshape(*batch_and_frames, channels, bins)
        return nn.relu(self.scale(x, "output_mean", "output_scale", mean_first=False))

    def dense(self, x: jax.Array, features: int, number: int, train: bool) -> jax.Array:
        """A linear layer without bias and its norm."""
        x = nn.Dense(features, use_bias=False, dtype=self.dtype, name=f"fc{number}")(x)
        return BatchNorm(dtype=self.dtype, name=f"bn{number}")(x, train)

    def scale(self, x: jax.Array, mean: str, scale: str, mean_first: bool) -> jax.Array:
        """A learned shift and scale for each bin of (..., bins)."""
        # The published networks begin with the training set's mean and scale, and output_mean at 1.
        shift = nn.initializers.zeros if mean_first else nn.initializers.ones
        offset = self.param(mean, shift, x.shape[-1:]).astype(self.dtype)
        factor = self.param(scale, nn.initializers.ones, x.shape[-1:]).astype(self.dtype)
        return (x + offset) * factor if mean_first else x * factor + offset


class OpenUnmix(nn.Module):
    """A recurrent network for each target that sees the mixture alone (Stöter, Uhlich, Liutkus and Mitsufuji 2019,
    "Open-Unmix - a reference implementation for music source separation").

    Masks are >= 0 and not bounded above. Any number of frames works.

    Attributes:
        num_bins: of the spectrograms, all of which are masked.
        num_targets: masks to estimate, each by a network of its own.
        seen_bins: the lowest bins, which the networks read.
        hidden_size: features of each frame inside, half of them from either direction of the LSTM.
        recurrent_depth: layers of the LSTM.
        dropout_p: probability with which features between its layers are dropped while training.
        dtype: of the computation; parameters and statistics are float32.
    """

    num_bins: int = 2049
    num_targets: int = 4
    seen_bins: int = 1487
    hidden_size: int = 512
    recurrent_depth: int = 3
    dropout_p: float = 0.4
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, magnitude: jax.Array, train: bool = False, noise: None = None) -> tuple[jax.Array, None]:
        """Estimates masks.

        Args:
            magnitude: (batch, channels, bins, frames), >= 0.
            train: normalise by the batch's statistics, update the running ones, drop out.
            noise: of no use here, as there is no latent variable.

        Returns:
            Masks (batch, targets, channels, bins, frames), and None.

        Raises:
            ValueError: another number of bins than the network is made for.
        """
        if magnitude.shape[2] != self.num_bins:
            raise ValueError(f"OpenUnmix is made for num_bins={self.num_bins}, got {magnitude.shape[2]} bins")
        x = magnitude.astype(self.dtype).transpose(0, 3, 1, 2)  # to (batch, frames, channels, bins)
        masks = [
            Unmix(
                self.seen_bins,
                self.hidden_size,
                self.recurrent_depth,
                self.dropout_p,
                self.dtype,
                name=f"target_{index}",
            )(x, train)
            for index in range(self.num_targets)
        ]
        return jnp.stack(masks, axis=1).transpose(0, 1, 3, 4, 2).astype(magnitude.dtype), None
