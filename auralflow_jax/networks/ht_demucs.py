"""HTDemucs: U-Nets over the spectrum and over the waveform, with a transformer between them."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from auralflow_core import config as configuration
from auralflow_jax.layers.conv1d import Conv1d
from auralflow_jax.layers.cross_transformer import CrossTransformer
from auralflow_jax.layers.demucs import DecoderLayer, EncoderLayer
from auralflow_jax.layers.spectrum_and_wave import estimate_both, smooth_table, tell_bins


class HTDemucs(nn.Module):
    """Two U-Nets that meet in a transformer (Rouard et al. 2022, "Hybrid transformers for music source separation").

    The one sees real and imaginary parts of the spectrum, one frame for each hop, and estimates spectra; the other sees
    the samples and estimates audio. A target is the sum of both. Inputs are normalised by mean and deviation, which the
    outputs get back. Several members, each such a network, are averaged with a weight for each target.

    Attributes:
        config: the settings.
        dtype: of the computation; parameters, spectra and norms are float32.
    """

    config: configuration.HTDemucs
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, mixture: jax.Array, train: bool = False, noise: None = None) -> tuple[jax.Array, None]:
        """Estimates waveforms.

        Args:
            mixture: (batch, channels, samples), of any length.
            train: drop out.
            noise: unused, as there is no latent variable.

        Returns:
            Audio (batch, targets, channels, samples), and None.
        """
        if self.config.members > 1:
            return self.average(mixture, train), None
        samples = mixture.shape[-1]

        def branches(x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
            return self.decode(*self.encode(x.astype(self.dtype), y.astype(self.dtype)), samples, train)

        return estimate_both(mixture, self.config, branches), None

    def average(self, mixture: jax.Array, train: bool) -> jax.Array:
        """The weighted mean of the members' estimates."""
        config, total = self.config, jnp.zeros((), mixture.dtype)
        for index, weights in enumerate(config.member_weights):
            if not weights.any() and not self.is_initializing():
                continue
            estimate, _ = HTDemucs(config.member, self.dtype, name=f"member_{index}")(mixture, train)
            total = total + jnp.asarray(weights, mixture.dtype)[None, :, None, None] * estimate
        return total

    def encode(self, x: jax.Array, y: jax.Array) -> tuple[list[jax.Array], list[jax.Array]]:
        """The outputs of all levels for (batch, bins, frames, numbers) and (batch, samples, channels)."""
        config, xs, ys = self.config, [], []
        for index, level in enumerate(config.levels):
            x = EncoderLayer(level, True, self.dtype, name=f"encoder_{index}")(x)
            y = EncoderLayer(level, False, self.dtype, name=f"wave_encoder_{index}")(y)
            if index == 0 and config.bin_embedding:
                table = self.param("bin_embedding", smooth_table, (config.first_bins, level.features))
                x = tell_bins(x, table, config.bin_embedding)
            xs.append(x)
            ys.append(y)
        return xs, ys

    def decode(
        self, xs: list[jax.Array], ys: list[jax.Array], samples: int, train: bool
    ) -> tuple[jax.Array, jax.Array]:
        """The numbers (batch, bins, frames, ...) and samples (batch, samples, ...) of all targets."""
        config = self.config
        (x, y), outputs = self.transform(xs[-1], ys[-1], train), len(config.targets) * config.num_channels
        lengths = [samples, *(skip.shape[1] for skip in ys)]
        for index in reversed(range(config.depth)):
            level, last = config.levels[index], index == 0
            features = outputs if last else config.levels[index - 1].features
            decoder = DecoderLayer(
                level, 2 * features if last else features, True, last, self.dtype, name=f"decoder_{index}"
            )
            wave_decoder = DecoderLayer(level, features, False, last, self.dtype, name=f"wave_decoder_{index}")
            x, _ = decoder(x, xs[index])
            y = wave_decoder(y, ys[index])[0][:, : lengths[index]]
        return x, y

    def transform(self, x: jax.Array, y: jax.Array, train: bool) -> tuple[jax.Array, jax.Array]:
        """The transformer, on (batch, bins, frames, channels) and (batch, steps, channels)."""
        config, (batch, bins, frames, channels) = self.config, x.shape

        def resize(name: str, features: int, x: jax.Array) -> jax.Array:
            return Conv1d(features, 1, gain=1.0, dtype=self.dtype, name=name)(x) if config.width else x

        x = resize("widen", config.width, x.reshape(batch, bins * frames, channels))
        y = resize("wave_widen", config.width, y)
        layers = CrossTransformer(config.num_layers, config.heads, config.dropout_p, self.dtype, name="transformer")
        x, y = layers(x.reshape(batch, bins, frames, -1), y, train)
        x = resize("narrow", channels, x.reshape(batch, bins * frames, -1)).reshape(batch, bins, frames, channels)
        return x.astype(self.dtype), resize("wave_narrow", channels, y).astype(self.dtype)
