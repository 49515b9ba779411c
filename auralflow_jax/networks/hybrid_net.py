"""A network that joins what two others estimate: one from the waveform, one from the spectrogram."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from auralflow_jax import spectral
from auralflow_jax.layers.front_end import analyze, complete, synthesize
from auralflow_jax.networks.audio_net import AudioNetSimpleLSTM
from auralflow_jax.networks.spectrogram_net import SpectrogramNetLSTM

# Of the weight's logit over its parameter. AdamW moves a parameter by about the learning rate a step: with 1, a logit
# would take thousands of steps to prefer one branch clearly.
STEEPNESS = 20.0


class HybridNet(nn.Module):
    """AudioNetSimpleLSTM and SpectrogramNetLSTM, joined bin by bin.

    The joined spectrum of a target is w Y_s + (1 - w) Y_a, of the spectrum Y_s that the one branch's mask leaves of
    the mixture's and the spectrum Y_a of the other's audio. The weight w in (0, 1) is learned for each target and
    bin and begins at a half: at first the branches are averaged.

    Attributes:
        num_frames: of a crop's spectrogram; needed only where `input_axis` is 1.
        num_targets: waveforms to estimate.
        num_channels: audio channels, seen together.
        audio_channels, audio_depth, recurrent_group: `hidden_channels`, `depth` and `recurrent_group` of the
            waveform branch.
        recurrent_depth, hidden_size, dropout_p, dtype: of both branches.
        num_fft, window_size, hop_length, padding, num_bins, high_bins, joiner: of the spectrogram branch's front
            end; see SpectrogramConfig.
        hidden_channels, depth, mask_activation, leak_factor, normalize_input, normalize_output, input_axis: of the
            spectrogram branch.
    """

    num_frames: int | None = None
    num_targets: int = 1
    num_channels: int = 1
    audio_channels: int = 32
    audio_depth: int = 5
    recurrent_group: int = 4
    recurrent_depth: int = 3
    hidden_size: int = 1024
    dropout_p: float = 0.0
    num_fft: int = 2048
    window_size: int = 2048
    hop_length: int = 768
    padding: str = "reflect"
    num_bins: int = 1024
    high_bins: str = "zeros"
    joiner: str = "independent"
    hidden_channels: int = 16
    depth: int = 5
    mask_activation: str = "sigmoid"
    leak_factor: float = 0.0
    normalize_input: bool = False
    normalize_output: bool = False
    input_axis: int = 0
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, mixture: jax.Array, train: bool = False, noise: None = None) -> tuple[jax.Array, None]:
        """Estimates waveforms.

        Args:
            mixture: (batch, channels, samples).
            train: see the branches.
            noise: as for every network; there is no latent variable here.

        Returns:
            Audio (batch, targets, channels, samples), and None.
        """
        audio, _ = self.audio_branch()(mixture, train)
        spectrum = analyze(mixture, self)
        magnitude = spectral.magnitude(spectrum)
        mask, _ = self.spectrogram_branch()(magnitude[:, :, : self.num_bins], train)
        masked = complete(mask, magnitude.shape[-2], self) * spectrum[:, None]

        blend = self.param("blend", nn.initializers.zeros, (self.num_targets, magnitude.shape[-2]))
        weight = nn.sigmoid(STEEPNESS * blend)[:, None, :, None]  # to (targets, channels, bins, frames)
        joined = weight * masked + (1 - weight) * analyze(audio, self)
        return synthesize(joined, mixture.shape[-1], self), None

    def audio_branch(self) -> AudioNetSimpleLSTM:
        return AudioNetSimpleLSTM(
            self.num_targets,
            self.num_channels,
            self.audio_channels,
            self.audio_depth,
            self.dropout_p,
            self.dtype,
            self.recurrent_depth,
            self.hidden_size,
            self.recurrent_group,
            name="audio",
        )

    def spectrogram_branch(self) -> SpectrogramNetLSTM:
        return SpectrogramNetLSTM(
            self.num_bins,
            self.num_frames,
            self.num_targets,
            self.num_channels,
            self.hidden_channels,
            self.depth,
            self.mask_activation,
            self.leak_factor,
            self.dropout_p,
            self.normalize_input,
            self.normalize_output,
            self.dtype,
            self.recurrent_depth,
            self.hidden_size,
            self.input_axis,
            name="spectrogram",
        )
