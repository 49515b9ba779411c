"""HTDemucs: U-Nets over the spectrum and over the waveform, with a transformer between them."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import lax

from auralflow_core import config as configuration
from auralflow_jax.layers.conv1d import Conv1d
from auralflow_jax.layers.cross_transformer import CrossTransformer
from auralflow_jax.layers.demucs import DecoderLayer, EncoderLayer
from auralflow_jax.layers.hop_frames import analyze_hops, synthesize_hops

SILENT = 1e-5  # added to the deviation that an input is divided by
GAIN = 10.0  # of the table of bins, so that it learns quicker than the other weights


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
        config, (batch, channels, samples), targets = self.config, mixture.shape, len(self.config.targets)
        audio = mixture.astype(np.promote_types(mixture.dtype, np.float32))
        spectrum = analyze_hops(audio, config.num_fft).transpose(0, 2, 3, 1)
        bins, frames = spectrum.shape[1:3]
        # to (batch, bins, frames, numbers): each channel's real and imaginary part
        parts = jnp.stack([spectrum.real, spectrum.imag], axis=-1).reshape(batch, bins, frames, -1)
        x, mean, deviation = normalize(parts)
        y, wave_mean, wave_deviation = normalize(audio.swapaxes(1, 2))
        x, y = self.decode(*self.encode(x.astype(self.dtype), y.astype(self.dtype)), samples, train)

        x = (x.astype(audio.dtype) * deviation + mean).reshape(batch, bins, frames, targets, channels, 2)
        x = lax.complex(x[..., 0], x[..., 1]).transpose(0, 3, 4, 1, 2)
        y = (y.astype(audio.dtype) * wave_deviation + wave_mean).reshape(batch, samples, targets, channels)
        return (synthesize_hops(x, samples) + y.transpose(0, 2, 3, 1)).astype(mixture.dtype), None

    def average(self, mixture: jax.Array, train: bool) -> jax.Array:
        """The weighted mean of the members' estimates."""
        config, total = self.config, jnp.zeros((), mixture.dtype)
        for index, weights in enumerate(config.member_weights):
            estimate, _ = HTDemucs(config.member, self.dtype, name=f"member_{index}")(mixture, train)
            total = total + jnp.asarray(weights, mixture.dtype)[None, :, None, None] * estimate
        return total

    def encode(self, x: jax.Array, y: jax.Array) -> tuple[list[jax.Array], list[jax.Array]]:
        """The outputs of all levels for (batch, bins, frames, numbers) and (batch, samples, channels)."""
        config, xs, ys = self.config, [], []
        for level, features in enumerate(config.levels):
            x = self.encoder("encoder", level, features, True)(x)
            y = self.encoder("wave_encoder", level, features, False)(y)
            if level == 0 and config.bin_embedding:
                table = self.param("bin_embedding", smooth_table, (config.first_bins, features))
                x = x + (config.bin_embedding * GAIN * table[None, :, None]).astype(x.dtype)
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
        for level in reversed(range(config.depth)):
            features = config.levels[level - 1] if level else outputs
            x = self.decoder("decoder", level, features if level else 2 * features, True)(x, xs[level])
            y = self.decoder("wave_decoder", level, features, False)(y, ys[level])[:, : lengths[level]]
        return x, y

    def encoder(self, name: str, level: int, features: int, over_bins: bool) -> EncoderLayer:
        config = self.config
        return EncoderLayer(
            features, config.compression, config.residual_depth, over_bins, self.dtype, name=f"{name}_{level}"
        )

    def decoder(self, name: str, level: int, features: int, over_bins: bool) -> DecoderLayer:
        config = self.config
        depth = config.residual_depth if config.residuals == "both" else 0
        last = level == 0
        return DecoderLayer(features, config.compression, depth, over_bins, last, self.dtype, name=f"{name}_{level}")

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


def normalize(x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Each example of (batch, ...) without its mean, divided by its deviation; then these two."""
    axes = tuple(range(1, x.ndim))
    mean = x.mean(axes, keepdims=True)
    variance = jnp.square(x - mean).sum(axes, keepdims=True) / max(x[0].size - 1, 1)
    silent = variance == 0  # where the root would have no gradient
    deviation = jnp.where(silent, 0, jnp.sqrt(jnp.where(silent, 1, variance)))
    return (x - mean) / (deviation + SILENT), mean, deviation


def smooth_table(key: jax.Array, shape: tuple[int, int]) -> jax.Array:
    """Rows of variance GAIN ** -2 that differ little from the ones before them: a random walk, levelled."""
    steps = jnp.arange(1, shape[0] + 1, dtype=jnp.float32)[:, None]
    return jnp.cumsum(jax.random.normal(key, shape, jnp.float32), axis=0) / jnp.sqrt(steps) / GAIN
