"""Separation models of networks from waveforms to waveforms."""

from torch import Tensor

from auralflow_torch.models.base import Estimate, SeparationModel


class AudioModel(SeparationModel):
    """Separation in the waveform domain: the network itself makes audio of audio.

    An `nn.Module` like any other. `forward` and `estimate` map audio to estimates, to train with; `separate` takes
    audio of any length.

    Args:
        configuration: what `auralflow.utils.load_config` returns, a `Config`, or the path of a config.json or of a
            model folder, of a waveform network. The weights are fresh; `from_pretrained` brings trained ones.

    Raises:
        InputError: a wrong key or value in the configuration, or a model of another family.

    Example:
        model = AudioModel("my_model/config.json")
        vocals = model.separate(torch.rand(1, 88200))  # (channels, samples), as the mixture
    """

    FAMILY = "audio"

    def forward(self, mixture: Tensor) -> Tensor:
        """Estimates waveforms.

        Args:
            mixture: (batch, channels, samples).

        Returns:
            Audio of the same shape; with several targets (batch, targets, channels, samples).
        """
        return self.network(mixture)

    def estimate(self, audio: Tensor, *, noise: Tensor | None = None) -> Estimate:
        estimate, latent = self._call(audio, noise)
        return self.represent(estimate)._replace(latent=latent)

    def represent(self, audio: Tensor) -> Estimate:
        return Estimate(audio)
