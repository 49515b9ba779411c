"""Recurrent layers over sequences (batch, steps, features), for the bottleneck of any network."""

import torch
from torch import Tensor, nn

from auralflow_core.config import AudioNetSimpleLSTM, SpectrogramNetLSTM
from auralflow_torch.layers.conv2d import linear


class LSTM(nn.LSTM):
    """torch's LSTM, batch first and bidirectional, without the checks and caches that tracing and export warn of."""

    def forward(self, x: Tensor) -> Tensor:
        """Maps (batch, steps, features) to (batch, steps, 2 hidden), ahead before back."""
        start = x.new_zeros(2 * self.num_layers, x.shape[0], self.hidden_size)
        return torch.lstm(
            x, (start, start), list(self.parameters()), True, self.num_layers, self.dropout, self.training, True, True
        )[0]


def initialize_lstm(lstm: LSTM) -> LSTM:
    """Draws weights that keep the variance of what goes in, as in auralflow_jax, and sets biases to zero."""
    for name, array in lstm.named_parameters():
        if name.startswith("weight"):
            nn.init.normal_(array, std=array.shape[1] ** -0.5)
        else:
            nn.init.zeros_(array)
    return lstm


class Recurrent(nn.Module):
    """Stacked bidirectional LSTMs, and a linear layer back to the features that went in.

    Args:
        features: of each step.
        hidden_size: of each direction.
        num_layers: each reads both directions of the one before.
        dropout_p: probability with which features between layers are dropped while training.
    """

    def __init__(
        self, features: int, hidden_size: int, num_layers: int = 1, dropout_p: float = 0.0, device=None
    ) -> None:
        super().__init__()
        self.lstm = initialize_lstm(
            LSTM(
                features,
                hidden_size,
                num_layers,
                batch_first=True,
                bidirectional=True,
                dropout=dropout_p if num_layers > 1 else 0.0,
                device=device,
            )
        )
        self.linear = linear(2 * hidden_size, features, device)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (batch, steps, features) to the same shape."""
        return self.linear(self.lstm(x))


class RecurrentBottleneck(nn.Module):
    """The part that networks with recurrent layers share: the first base, before a U-Net.

    Attributes:
        config: the network's settings.
    """

    config: AudioNetSimpleLSTM | SpectrogramNetLSTM

    def build_recurrent(self, features: int, device: str | torch.device | None) -> None:
        """Makes the layers, for sequences (batch, steps, features)."""
        config = self.config
        self.recurrent = Recurrent(features, config.recurrent_size, config.recurrent_depth, config.dropout_p, device)

    def run_recurrent(self, sequence: Tensor, noise: Tensor | None) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
        """Maps (batch, steps, features) to the same shape."""
        return self.recurrent(sequence), None
