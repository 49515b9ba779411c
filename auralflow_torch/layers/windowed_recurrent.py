"""Recurrent layers on windows of long sequences."""

import torch
import torch.nn.functional as F
from torch import Tensor

from auralflow_torch.layers.lstm import Recurrent

WINDOW = 200  # steps
HOP = WINDOW // 2


class WindowedRecurrent(Recurrent):
    """Two LSTMs and a linear layer, whose output is added to what goes in (Défossez 2021, "Hybrid spectrogram and
    waveform source separation", section 3.3).

    A sequence that is longer than a window is divided into windows that overlap by half, of which the middle halves
    count, and at both ends the rest.

    Args:
        features: of each step, and of each direction.
        device: where the weights are made.
    """

    def __init__(self, features: int, device=None) -> None:
        super().__init__(features, features, num_layers=2, device=device)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (rows, features, steps) to the same shape."""
        steps = x.shape[-1]
        if steps <= WINDOW:
            return x + super().forward(x.transpose(1, 2)).transpose(1, 2)
        windows = F.pad(x, (0, HOP + -steps % HOP)).unfold(2, WINDOW, HOP)  # (rows, features, windows, steps of each)
        rows, features, count, _ = windows.shape
        found = super().forward(windows.permute(0, 2, 3, 1).reshape(rows * count, WINDOW, features))
        found = found.view(rows, count, WINDOW, features)
        quarter = HOP // 2
        middle = found[:, :, quarter:-quarter].flatten(1, 2)
        joined = torch.cat([found[:, 0, :quarter], middle, found[:, -1, -quarter:]], dim=1)
        return x + joined[:, :steps].transpose(1, 2)
