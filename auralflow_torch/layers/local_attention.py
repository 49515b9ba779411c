"""Attention that prefers near steps."""

import torch
from torch import Tensor, nn

from auralflow_core.config.networks.h_demucs import HEADS
from auralflow_torch.layers.conv2d import initialize

DECAYS = 4  # penalties of each query: times 1, 2, ... of the distance
START = -2.0  # bias of the penalties, whose sigmoid is small at first
ITSELF = -100.0  # score of a step with itself


class LocalAttention(nn.Module):
    """Attention of each step to all others, whose scores fall with the distance at a rate that the step chooses; added
    to what goes in (Défossez 2021, "Hybrid spectrogram and waveform source separation", section 3.3).

    Args:
        channels: a multiple of `HEADS`.
        device: where the weights are made.
    """

    def __init__(self, channels: int, device=None) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out = (
            initialize(nn.Conv1d(channels, channels, 1, device=device), channels) for _ in range(4)
        )
        decay = nn.Conv1d(channels, HEADS * DECAYS, 1, device=device)
        self.decay = initialize(decay, channels, 1e-4)
        nn.init.constant_(decay.bias, START)  # pyright: ignore[reportArgumentType]

    def forward(self, x: Tensor) -> Tensor:
        """Maps (rows, channels, steps) to the same shape."""
        steps = x.shape[-1]
        query, key, value, decay = (
            layer(x).unflatten(1, (HEADS, -1)) for layer in (self.query, self.key, self.value, self.decay)
        )
        scores = torch.einsum("rhcq,rhck->rhqk", query, key) * query.shape[2] ** -0.5
        rates = torch.arange(1, DECAYS + 1, device=x.device, dtype=x.dtype) * DECAYS**-0.5 / 2
        slope = torch.einsum("d,rhdq->rhq", rates, decay.sigmoid()).unsqueeze(-1)
        place = torch.arange(steps, device=x.device)
        distance = (place[:, None] - place).abs()
        scores = torch.where(distance == 0, ITSELF, scores - slope * distance)
        found = torch.einsum("rhqk,rhck->rhcq", scores.softmax(-1), value)
        return x + self.out(found.flatten(1, 2))
