"""Norms by the root of the mean square."""

import torch
from torch import Tensor, nn

TINY = 1e-24  # the least sum of squares: below, a norm's gradient would be infinite, and of silence not a number


class RMSNorm(nn.Module):
    """Division by the root of the mean square of the features, then a factor for each (Zhang and Sennrich 2019, "Root
    mean square layer normalization").

    Args:
        features: of the last axis.
        device: where the weights are made.
    """

    def __init__(self, features: int, device=None) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(features, device=device))

    def forward(self, x: Tensor) -> Tensor:
        """Normalises (..., features)."""
        return normalize(x, self.gamma)


def normalize(x: Tensor, gamma: Tensor) -> Tensor:
    """The features (..., features) by the root of their mean square, times gamma, which is broadcast."""
    wide = x.to(torch.promote_types(x.dtype, torch.float32))  # the squares of half types overflow
    scale = x.shape[-1] ** 0.5 / torch.linalg.vector_norm(wide, dim=-1, keepdim=True).clamp(min=TINY**0.5)
    return (wide * scale).to(x.dtype) * gamma
