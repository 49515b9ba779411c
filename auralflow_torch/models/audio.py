"""Separation models of networks from waveforms to waveforms."""

from torch import Tensor

from auralflow_torch.models.base import Estimate, SeparationModel


class AudioModel(SeparationModel):
    """Separation in the waveform domain: the network itself makes audio of audio.

    An `nn.Module` like any other. `forward` and `estimate` map audio to estimates, to train with; `separate` takes
    audio of any length.

    Args:
        configuration: what `auralflow.utils.load_config` returns, or a `Config`, of a waveform network. The
            weights are fresh; `from_pretrained` brings trained ones.

    Raises:
        InputError: a wrong key or value in the configuration, or a model of another family.

    Example:
        model = AudioModel(auralflow.utils.load_config("my_model/config.json"))
        vocals = model.separate(torch.rand(1, 88200))  # (channels, samples), as the mixture
    """

    def forward(self, mixture: Tensor) -> Tensor:
        """Estimates waveforms.

        Args:
            mixture: (batch, channels, samples).

        Returns:
            Audio of the same shape; with several targets (batch, targets, channels, samples).
        """
        return self.network(mixture)

    def estimate(self, mixture: Tensor, noise: Tensor | None = None) -> Estimate:
        audio, latent = self.network.estimate(mixture, noise)
        return self.describe(audio.unsqueeze(1) if len(self.targets) == 1 else audio)._replace(latent=latent)

    def describe(self, audio: Tensor) -> Estimate:
        return Estimate(audio)
