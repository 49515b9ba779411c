"""HDemucs: U-Nets over the spectrum and over the waveform, which become one in their deep levels."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from auralflow_core import config as configuration
from auralflow_jax.layers.demucs import DecoderLayer, EncoderLayer, Split, strided
from auralflow_jax.layers.spectrum_and_wave import estimate_both, smooth_table, tell_bins


class HDemucs(nn.Module):
    """Two U-Nets that meet (Défossez 2021, "Hybrid spectrogram and waveform source separation").

    The one sees real and imaginary parts of the spectrum, one frame for each hop, and estimates spectra; the other sees
    the samples and estimates audio. A target is the sum of both. Where the bins of the one have become a single one,
    steps and frames are the same; the outputs of both are added, and further levels follow. Decoders begin with the
    skip connections alone.

    Attributes:
        config: the settings.
        dtype: of the computation; parameters, spectra and norms are float32.
    """

    config: configuration.HDemucs
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, mixture: jax.Array, train: bool = False, noise: None = None) -> tuple[jax.Array, None]:
        """Estimates waveforms.

        Args:
            mixture: (batch, channels, samples), of any length.
            train: without effect, as nothing is dropped.
            noise: unused, as there is no latent variable.

        Returns:
            Audio (batch, targets, channels, samples), and None.
        """
        samples = mixture.shape[-1]

        def branches(x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
            return self.decode(*self.encode(x.astype(self.dtype), y.astype(self.dtype)), samples)

        return estimate_both(mixture, self.config, branches), None

    def encode(self, x: jax.Array, y: jax.Array) -> tuple[list[jax.Array], list[jax.Array]]:
        """The outputs of all levels for (batch, bins, frames, numbers) and (batch, samples, channels)."""
        config, joint, xs, ys = self.config, self.config.joint, [], []
        for index, level in enumerate(config.levels[:joint]):
            ys.append(y := EncoderLayer(level, False, self.dtype, name=f"wave_encoder_{index}")(y))
        added = strided(y, config.levels[joint], self.dtype, "wave_join")[:, None]
        for index, level in enumerate(config.levels):
            layer = EncoderLayer(level, index <= joint, self.dtype, name=f"encoder_{index}")
            x = layer(x, added if index == joint else None)
            if index == 0 and config.bin_embedding:
                table = self.param("bin_embedding", smooth_table, (config.first_bins, level.features))
                x = tell_bins(x, table, config.bin_embedding)
            xs.append(x)
            if index == joint:
                x = x[:, 0]
        return xs, ys

    def decode(self, xs: list[jax.Array], ys: list[jax.Array], samples: int) -> tuple[jax.Array, jax.Array]:
        """The numbers (batch, bins, frames, ...) and samples (batch, samples, ...) of all targets."""
        config, joint, levels = self.config, self.config.joint, self.config.levels
        outputs = len(config.targets) * config.num_channels
        x = jnp.zeros_like(xs[-1])
        for index in reversed(range(joint, config.depth)):
            layer = DecoderLayer(
                levels[index], levels[index - 1].features, index == joint, False, self.dtype, name=f"decoder_{index}"
            )
            # to as many steps as the level's encoder gave; at the joint also to an axis of one bin
            x, inner = layer(x[:, : xs[index].shape[-2]].reshape(xs[index].shape), xs[index])
        y = Split(levels[joint], levels[joint - 1].features, self.dtype, name="wave_split")(inner[:, 0])
        lengths = [samples, *(skip.shape[1] for skip in ys)]
        for index in reversed(range(joint)):
            level, last = levels[index], index == 0
            features = outputs if last else levels[index - 1].features
            decoder = DecoderLayer(
                level, 2 * features if last else features, True, last, self.dtype, name=f"decoder_{index}"
            )
            wave_decoder = DecoderLayer(level, features, False, last, self.dtype, name=f"wave_decoder_{index}")
            x, _ = decoder(x, xs[index])
            y, _ = wave_decoder(y[:, : lengths[index + 1]], ys[index])
        return x, y[:, :samples]
