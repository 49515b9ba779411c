"""Open-Unmix: one recurrent network for each target."""

import torch
from torch import Tensor, nn

from auralflow_torch.layers.checks import SPECTRUM, check_input
from auralflow_torch.layers.conv2d import initialize
from auralflow_torch.layers.lstm import LSTM, initialize_lstm


class Unmix(nn.Module):
    """The network of one target; module names are those of the published weights.

    Args:
        num_bins, num_channels, seen_bins, hidden_size, recurrent_depth, dropout_p, device: see OpenUnmix.
    """

    def __init__(
        self,
        num_bins: int,
        num_channels: int,
        seen_bins: int,
        hidden_size: int,
        recurrent_depth: int,
        dropout_p: float,
        device=None,
    ) -> None:
        super().__init__()
        self.seen_bins = seen_bins
        sizes = [
            (num_channels * seen_bins, hidden_size),
            (2 * hidden_size, hidden_size),
            (hidden_size, num_channels * num_bins),
        ]
        self.fc1, self.fc2, self.fc3 = (
            initialize(nn.Linear(*size, bias=False, device=device), size[0]) for size in sizes
        )
        self.bn1, self.bn2, self.bn3 = (nn.BatchNorm1d(size[1], device=device) for size in sizes)
        self.lstm = initialize_lstm(
            LSTM(
                hidden_size,
                hidden_size // 2,
                recurrent_depth,
                batch_first=True,
                bidirectional=True,
                dropout=dropout_p if recurrent_depth > 1 else 0.0,
                device=device,
            )
        )
        # The published networks begin with the training set's mean and scale, and output_mean at 1.
        self.input_mean = nn.Parameter(torch.zeros(seen_bins, device=device))
        self.input_scale = nn.Parameter(torch.ones(seen_bins, device=device))
        self.output_scale = nn.Parameter(torch.ones(num_bins, device=device))
        self.output_mean = nn.Parameter(torch.ones(num_bins, device=device))

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
        num_fft_bins: bins of the spectrograms, all of which are masked.
        num_channels: audio channels, seen together.
        seen_bins: the lowest bins, which the networks read.
        hidden_size: features of each frame inside, half of them from either direction of the LSTM.
        recurrent_depth: layers of the LSTM.
        dropout_p: probability with which features between its layers are dropped while training.
        device: where the weights are made.
        num_targets: masks to estimate, each by a network of its own.

    Example:
        >>> OpenUnmix(65, seen_bins=50, hidden_size=8)(torch.rand(3, 2, 65, 40)).shape
        torch.Size([3, 4, 2, 65, 40])
    """

    def __init__(
        self,
        num_fft_bins: int = 2049,
        num_channels: int = 2,
        seen_bins: int = 1487,
        hidden_size: int = 512,
        recurrent_depth: int = 3,
        dropout_p: float = 0.4,
        device: str | torch.device | None = None,
        *,
        num_targets: int = 4,
    ) -> None:
        super().__init__()
        self.num_fft_bins, self.num_channels = num_fft_bins, num_channels
        self.target = nn.ModuleList(
            [
                Unmix(num_fft_bins, num_channels, seen_bins, hidden_size, recurrent_depth, dropout_p, device)
                for _ in range(num_targets)
            ]
        )

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
        check_input(x, "the network's input", SPECTRUM, self.num_channels)
        if not torch.jit.is_tracing() and x.shape[2] != self.num_fft_bins:
            raise ValueError(f"OpenUnmix is made for num_fft_bins={self.num_fft_bins}, got {x.shape[2]} bins")
        x = x.permute(0, 3, 1, 2)  # to (batch, frames, channels, bins)
        masks = torch.stack([network(x) for network in self.target], dim=1).permute(0, 1, 3, 4, 2)
        return masks.squeeze(1) if len(self.target) == 1 else masks, None
