"""A network that joins what two others estimate: one from the waveform, one from the spectrogram."""

import torch
from torch import Tensor, nn

from auralflow_torch import spectral
from auralflow_torch.layers.checks import AUDIO, check_input
from auralflow_torch.layers.front_end import analyze, complete, synthesize
from auralflow_torch.networks.audio_net import AudioNetSimpleLSTM
from auralflow_torch.networks.spectrogram_net import SpectrogramNetLSTM

# Of the weight's logit over its parameter. AdamW moves a parameter by about the learning rate a step: with 1, a logit
# would take thousands of steps to prefer one branch clearly.
STEEPNESS = 20.0


class HybridNet(nn.Module):
    """AudioNetSimpleLSTM and SpectrogramNetLSTM, joined bin by bin.

    The joined spectrum of a target is w Y_s + (1 - w) Y_a, of the spectrum Y_s that the one branch's mask leaves of
    the mixture's and the spectrum Y_a of the other's audio. The weight w in (0, 1) is learned for each target and
    bin and begins at a half: at first the branches are averaged.

    Args:
        num_channels: 1 for mono, 2 for stereo, whose channels are seen together.
        audio_channels, audio_depth, recurrent_group: `hidden_channels`, `depth` and `recurrent_group` of the
            waveform branch.
        recurrent_depth, hidden_size, dropout_p: of both branches.
        num_fft, window_size, hop_length: of the STFT, in samples.
        padding: of the signal's ends, before the STFT: reflect or constant.
        num_fft_bins: the lowest bins, which the spectrogram branch sees.
        high_bins: the mask above them: zeros, last or mean.
        joiner: how the targets' masks meet: independent, softmax or ratio.
        hidden_channels, depth, mask_act_fn, leak_factor, normalize_input, normalize_output, input_axis: of the
            spectrogram branch.
        num_targets: waveforms to estimate.
        num_frames: of a crop's spectrogram; needed only where `input_axis` is 1.
        device: where the weights are made.

    Raises:
        InputError: as SpectrogramNetLSTM does.

    Example:
        >>> network = HybridNet(audio_channels=2, hidden_channels=2)
        >>> network(torch.rand(3, 1, 5000)).shape
        torch.Size([3, 1, 5000])
    """

    def __init__(
        self,
        num_channels: int = 1,
        *,
        audio_channels: int = 32,
        audio_depth: int = 5,
        recurrent_group: int = 4,
        recurrent_depth: int = 3,
        hidden_size: int = 1024,
        dropout_p: float = 0.0,
        num_fft: int = 2048,
        window_size: int = 2048,
        hop_length: int = 768,
        padding: str = "reflect",
        num_fft_bins: int = 1024,
        high_bins: str = "zeros",
        joiner: str = "independent",
        hidden_channels: int = 16,
        depth: int = 5,
        mask_act_fn: str = "sigmoid",
        leak_factor: float = 0.0,
        normalize_input: bool = False,
        normalize_output: bool = False,
        input_axis: int = 0,
        num_targets: int = 1,
        num_frames: int = 1,
        device: str | torch.device | None = None,
    ) -> None:
        super().__init__()
        self.num_targets, self.num_fft_bins = num_targets, num_fft_bins
        self.num_fft, self.window_size, self.hop_length = num_fft, window_size, hop_length
        self.padding, self.high_bins, self.joiner = padding, high_bins, joiner
        both = {
            "dropout_p": dropout_p,
            "device": device,
            "num_targets": num_targets,
            "recurrent_depth": recurrent_depth,
            "hidden_size": hidden_size,
        }
        self.audio = AudioNetSimpleLSTM(
            num_channels, audio_channels, depth=audio_depth, recurrent_group=recurrent_group, **both
        )
        self.spectrogram = SpectrogramNetLSTM(
            num_fft_bins,
            num_frames,
            num_channels,
            hidden_channels,
            mask_act_fn,
            leak_factor,
            depth=depth,
            normalize_input=normalize_input,
            normalize_output=normalize_output,
            input_axis=input_axis,
            **both,
        )
        self.blend = nn.Parameter(torch.zeros(num_targets, num_fft // 2 + 1, device=device))

    def forward(self, x: Tensor) -> Tensor:
        """Estimates waveforms.

        Args:
            x: mixtures, (batch, channels, samples), longer than half of `num_fft` where the padding is reflect.

        Returns:
            Audio of the same shape; with several targets (batch, targets, channels, samples).
        """
        check_input(x, "the network's input", AUDIO, self.audio.num_channels)
        batch, channels, samples = x.shape
        audio = self.audio(x).view(batch, self.num_targets, channels, samples)
        spectrum = analyze(x, self)
        magnitude = spectral.magnitude(spectrum)
        seen = magnitude[:, :, : self.num_fft_bins].to(self.blend.dtype)
        mask = self.spectrogram(seen).view(batch, self.num_targets, *seen.shape[1:]).to(magnitude.dtype)
        masked = complete(mask, magnitude.shape[-2], self) * spectrum.unsqueeze(1)

        weight = (STEEPNESS * self.blend).sigmoid()[:, None, :, None]  # to (targets, channels, bins, frames)
        joined = synthesize(weight * masked + (1 - weight) * analyze(audio, self), samples, self)
        return joined.squeeze(1) if self.num_targets == 1 else joined

    def estimate(self, x: Tensor, noise: None = None) -> tuple[Tensor, None]:
        """What `forward` returns, and None, as there is no latent variable."""
        return self.forward(x), None
