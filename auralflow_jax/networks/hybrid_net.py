"""A network that joins what two others estimate: one from the waveform, one from the spectrogram."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from auralflow_core import config as configuration
from auralflow_jax import spectral
from auralflow_jax.layers.front_end import analyze, complete, synthesize
from auralflow_jax.networks.audio_net import AudioNetSimpleLSTM
from auralflow_jax.networks.spectrogram_net import SpectrogramNetLSTM

# The ratio of the weight's logit to its parameter. AdamW moves a parameter by about the learning rate a step: with a
# ratio of 1, a logit would take thousands of steps to prefer one branch clearly.
STEEPNESS = 20.0


class HybridNet(nn.Module):
    """AudioNetSimpleLSTM and SpectrogramNetLSTM, joined bin by bin.

    The joined spectrum of a target is w Y_s + (1 - w) Y_a, where Y_s is the mixture's spectrum times the mask of the
    spectrogram branch, and Y_a the spectrum of the waveform branch's audio. The weight w in (0, 1) is learned for each
    target and bin and begins at a half: at first the branches are averaged.

    Attributes:
        config: the settings of both branches and of the spectrogram branch's front end.
        num_frames: frames of a crop's spectrogram; needed only where `input_axis` is 1.
        dtype: of the computation; parameters and statistics are float32.
    """

    config: configuration.HybridNet
    num_frames: int | None = None
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, mixture: jax.Array, train: bool = False, noise: None = None) -> tuple[jax.Array, None]:
        """Estimates waveforms.

        Args:
            mixture: (batch, channels, samples).
            train: see the branches.
            noise: unused, as there is no latent variable.

        Returns:
            Audio (batch, targets, channels, samples), and None.
        """
        config = self.config
        audio, _ = AudioNetSimpleLSTM(config.audio_branch(), self.dtype, name="audio")(mixture, train)
        spectrum = analyze(mixture, config)
        magnitude = spectral.magnitude(spectrum)
        masks = SpectrogramNetLSTM(config.spectrogram_branch(), self.num_frames, self.dtype, name="spectrogram")
        mask, _ = masks(magnitude[:, :, : config.num_bins], train)
        mask = complete(mask, magnitude.shape[-2], config).astype(spectrum.dtype)

        blend = self.param("blend", nn.initializers.zeros, (len(config.targets), magnitude.shape[-2]), jnp.float32)
        weight = nn.sigmoid(STEEPNESS * blend)[None, :, None, :, None]  # to (batch, targets, channels, bins, frames)
        weight = weight.astype(spectrum.dtype)
        joined = weight * (mask * spectrum[:, None]) + (1 - weight) * analyze(audio, config)
        return synthesize(joined, mixture.shape[-1], config), None
