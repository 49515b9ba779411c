"""Factors of the features that residual branches add."""

import torch
from torch import Tensor, nn


class LayerScale(nn.Module):
    """A learned factor for each feature, small at first (Touvron et al. 2021, "Going deeper with image transformers").

    Args:
        features: of the axis.
        start: of all factors.
        axis: of the features.
        device: where the weights are made.
    """

    def __init__(self, features: int, start: float, axis: int = -1, device=None) -> None:
        super().__init__()
        self.axis = axis
        self.gamma = nn.Parameter(torch.full((features,), start, device=device))

    def forward(self, x: Tensor) -> Tensor:
        """Scales the features of x."""
        return x * self.gamma.view(-1, *[1] * (-1 - self.axis))
