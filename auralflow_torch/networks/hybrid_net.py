"""A network that joins what two others estimate: one from the waveform, one from the spectrogram."""

import torch
from torch import Tensor, nn

from auralflow_core import config as configuration
from auralflow_core.config import config_or_keywords
from auralflow_torch import spectral
from auralflow_torch.layers.checks import AUDIO, check_input
from auralflow_torch.layers.front_end import analyze, complete, synthesize
from auralflow_torch.networks.audio_net import AudioNetSimpleLSTM
from auralflow_torch.networks.spectrogram_net import SpectrogramNetLSTM

# The ratio of the weight's logit to its parameter. AdamW moves a parameter by about the learning rate a step: with a
# ratio of 1, a logit would take thousands of steps to prefer one branch clearly.
STEEPNESS = 20.0


class HybridNet(nn.Module):
    """AudioNetSimpleLSTM and SpectrogramNetLSTM, joined bin by bin.

    The joined spectrum of a target is w Y_s + (1 - w) Y_a, where Y_s is the mixture's spectrum times the mask of the
    spectrogram branch, and Y_a the spectrum of the waveform branch's audio. The weight w in (0, 1) is learned for each
    target and bin and begins at a half: at first the branches are averaged.

    Args:
        config: the settings of both branches and of the spectrogram branch's front end.
        num_frames: frames of a crop's spectrogram; needed only where `input_axis` is 1.
        device: where the weights are made.
        settings: instead of `config`, some of its fields and `num_targets`; see `from_keywords`.

    Raises:
        InputError: an unknown setting, a wrong type or a value out of range.

    Example:
        >>> network = HybridNet(audio_channels=2, hidden_channels=2)
        >>> network(torch.rand(3, 1, 5000)).shape
        torch.Size([3, 1, 5000])
    """

    def __init__(
        self,
        config: configuration.HybridNet | None = None,
        num_frames: int | None = None,
        device: str | torch.device | None = None,
        **settings,
    ) -> None:
        super().__init__()
        self.config = config = config_or_keywords(configuration.HybridNet, config, settings)
        self.audio = AudioNetSimpleLSTM(config.audio_branch(), device)
        self.spectrogram = SpectrogramNetLSTM.from_config(config.spectrogram_branch(), num_frames, device)
        self.blend = nn.Parameter(torch.zeros(len(config.targets), config.num_fft // 2 + 1, device=device))

    def forward(self, x: Tensor) -> Tensor:
        """Estimates waveforms.

        Args:
            x: mixtures, (batch, channels, samples), longer than half of `num_fft` where the padding is reflect.

        Returns:
            Audio of the same shape; with several targets (batch, targets, channels, samples).
        """
        config, targets = self.config, len(self.config.targets)
        check_input(x, "the network's input", AUDIO, config.num_channels)
        batch, channels, samples = x.shape
        audio = self.audio(x).view(batch, targets, channels, samples)
        spectrum = analyze(x, config)
        magnitude = spectral.magnitude(spectrum)
        seen = magnitude[:, :, : config.num_bins].to(self.blend.dtype)
        mask = self.spectrogram(seen).view(batch, targets, *seen.shape[1:]).to(magnitude.dtype)
        masked = complete(mask, magnitude.shape[-2], config) * spectrum.unsqueeze(1)

        weight = (STEEPNESS * self.blend).sigmoid()[:, None, :, None]  # to (targets, channels, bins, frames)
        joined = synthesize(weight * masked + (1 - weight) * analyze(audio, config), samples, config)
        return joined.squeeze(1) if targets == 1 else joined

    def estimate(self, x: Tensor, noise: None = None) -> tuple[Tensor, None]:
        """The output of `forward`, and None, as there is no latent variable."""
        return self.forward(x), None
