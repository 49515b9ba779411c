"""Open-Unmix: one recurrent network for each target."""

import torch
from torch import Tensor, nn

from auralflow_core import config as configuration
from auralflow_core.config import config_or_keywords
from auralflow_torch.layers.checks import SPECTRUM, check_input, is_tracing
from auralflow_torch.layers.conv2d import initialize
from auralflow_torch.layers.lstm import LSTM, initialize_lstm


class Unmix(nn.Module):
    """The network of one target; module names are those of the published weights.

    Args:
        config: the settings.
        device: where the weights are made.
    """

    def __init__(self, config: configuration.OpenUnmix, device=None) -> None:
        super().__init__()
        self.seen_bins = config.seen_bins
        size, channels = config.hidden_size, config.num_channels
        sizes = [(channels * config.seen_bins, size), (2 * size, size), (size, channels * config.num_bins)]
        self.fc1, self.fc2, self.fc3 = (
            initialize(nn.Linear(*pair, bias=False, device=device), pair[0]) for pair in sizes
        )
        self.bn1, self.bn2, self.bn3 = (nn.BatchNorm1d(features, device=device) for _, features in sizes)
        self.lstm = initialize_lstm(
            LSTM(
                size,
                size // 2,
                config.recurrent_depth,
                batch_first=True,
                bidirectional=True,
                dropout=config.dropout_p if config.recurrent_depth > 1 else 0.0,
                device=device,
            )
        )
        # The published networks begin with the training set's mean and scale, and output_mean at 1.
        self.input_mean = nn.Parameter(torch.zeros(config.seen_bins, device=device))
        self.input_scale = nn.Parameter(torch.ones(config.seen_bins, device=device))
        self.output_scale = nn.Parameter(torch.ones(config.num_bins, device=device))
        self.output_mean = nn.Parameter(torch.ones(config.num_bins, device=device))

    def forward(self, x: Tensor) -> Tensor:
        """Maps magnitudes (batch, frames, channels, bins) to masks of the same shape."""
        batch, frames, channels, bins = x.shape
        x = (x[..., : self.seen_bins] + self.input_mean) * self.input_scale
        # The norms run over (batch * frames, features), the recurrent layers over (batch, frames, features).
        x = self.bn1(self.fc1(x.reshape(batch * frames, -1))).tanh()
        x = torch.cat([x, self.lstm(x.view(batch, frames, -1)).reshape(batch * frames, -1)], dim=1)
        x = self.bn2(self.fc2(x)).relu()
        x = self.bn3(self.fc3(x)).view(batch, frames, channels, bins)
        return (x * self.output_scale + self.output_mean).relu()


class OpenUnmix(nn.Module):
    """A recurrent network for each target that sees the mixture alone (Stöter, Uhlich, Liutkus and Mitsufuji 2019,
    "Open-Unmix - a reference implementation for music source separation").

    Masks are >= 0 and not bounded above. Any number of frames works.

    Args:
        config: the settings; all `num_bins` are masked, the lowest `seen_bins` are read.
        device: where the weights are made.
        settings: instead of `config`, some of its fields and `num_targets`; see `from_keywords`.

    Raises:
        InputError: an unknown setting, a wrong type or a value out of range.

    Example:
        >>> OpenUnmix(num_bins=65, seen_bins=50, hidden_size=8)(torch.rand(3, 2, 65, 40)).shape
        torch.Size([3, 4, 2, 65, 40])
    """

    def __init__(
        self, config: configuration.OpenUnmix | None = None, device: str | torch.device | None = None, **settings
    ) -> None:
        super().__init__()
        self.config = config = config_or_keywords(configuration.OpenUnmix, config, settings)
        self.target = nn.ModuleList([Unmix(config, device) for _ in config.targets])

    def forward(self, x: Tensor) -> Tensor:
        """Estimates masks.

        Args:
            x: magnitudes, (batch, channels, bins, frames).

        Returns:
            Masks of the same shape; with several targets (batch, targets, channels, bins, frames).

        Raises:
            ValueError: another number of bins than the network is made for.
        """
        return self.estimate(x)[0]

    def estimate(self, x: Tensor, noise: None = None) -> tuple[Tensor, None]:
        """The masks, and None in the place of a latent variable."""
        check_input(x, "the network's input", SPECTRUM, self.config.num_channels)
        if not is_tracing() and x.shape[2] != self.config.num_bins:
            raise ValueError(f"OpenUnmix is made for num_bins={self.config.num_bins}, got {x.shape[2]} bins")
        x = x.permute(0, 3, 1, 2)  # to (batch, frames, channels, bins)
        masks = torch.stack([network(x) for network in self.target], dim=1).permute(0, 1, 3, 4, 2)
        return masks.squeeze(1) if len(self.target) == 1 else masks, None
