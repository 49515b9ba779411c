"""Open-Unmix: one recurrent network for each target."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from auralflow_core import config as configuration
from auralflow_jax.layers.conv2d import BatchNorm
from auralflow_jax.layers.lstm import LSTM


class Unmix(nn.Module):
    """The network of one target; module names are those of the published weights.

    Attributes:
        config: the settings.
        dtype: of the computation.
    """

    config: configuration.OpenUnmix
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Maps magnitudes (batch, frames, channels, bins) to masks of the same shape."""
        config, (*batch_and_frames, channels, bins) = self.config, x.shape
        x = self.scale(x[..., : config.seen_bins], "input_mean", "input_scale", mean_first=True)
        x = jnp.tanh(self.dense(x.reshape(*batch_and_frames, -1), config.hidden_size, 1, train))
        recurrent = LSTM(config.hidden_size // 2, config.recurrent_depth, config.dropout_p, self.dtype, name="lstm")
        x = jnp.concatenate([x, recurrent(x, train)], axis=-1)
        x = nn.relu(self.dense(x, config.hidden_size, 2, train))
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
        offset = self.param(mean, shift, x.shape[-1:], jnp.float32)
        factor = self.param(scale, nn.initializers.ones, x.shape[-1:], jnp.float32)
        offset, factor = (jnp.broadcast_to(y.astype(self.dtype), x.shape) for y in (offset, factor))
        return (x + offset) * factor if mean_first else x * factor + offset


class OpenUnmix(nn.Module):
    """A recurrent network for each target that sees the mixture alone (Stöter, Uhlich, Liutkus and Mitsufuji 2019,
    "Open-Unmix - a reference implementation for music source separation").

    Masks are >= 0 and not bounded above. Any number of frames works.

    Attributes:
        config: the settings; all `num_bins` are masked, the lowest `seen_bins` are read.
        dtype: of the computation; parameters and statistics are float32.
    """

    config: configuration.OpenUnmix
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, magnitude: jax.Array, train: bool = False, noise: None = None) -> tuple[jax.Array, None]:
        """Estimates masks.

        Args:
            magnitude: (batch, channels, bins, frames), >= 0.
            train: normalise by the batch's statistics, update the running ones, drop out.
            noise: unused, as there is no latent variable.

        Returns:
            Masks (batch, targets, channels, bins, frames), and None.

        Raises:
            ValueError: another number of bins than the network is made for.
        """
        config = self.config
        if magnitude.shape[2] != config.num_bins:
            raise ValueError(f"OpenUnmix is made for num_bins={config.num_bins}, got {magnitude.shape[2]} bins")
        x = magnitude.astype(self.dtype).transpose(0, 3, 1, 2)  # to (batch, frames, channels, bins)
        masks = [Unmix(config, self.dtype, name=f"target_{index}")(x, train) for index in range(len(config.targets))]
        return jnp.stack(masks, axis=1).transpose(0, 1, 3, 4, 2).astype(magnitude.dtype), None
