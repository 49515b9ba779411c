"""Norms by mean and variance, with a factor and a summand for each feature."""

import torch
from torch import Tensor, nn


class ChannelNorm(nn.InstanceNorm2d):
    """A norm of each channel of each item: InstanceNorm without running statistics (Ulyanov et al. 2016, "Instance
    normalization"), which also takes channels of a single number, whose norm is 0.

    Args:
        channels: of the input.
        device: where the weights are made.
    """

    def __init__(self, channels: int, device=None) -> None:
        super().__init__(channels, affine=True, device=device)

    def forward(self, x: Tensor) -> Tensor:
        """Normalises (items, channels, ..., ...)."""
        return torch.instance_norm(x, self.weight, self.bias, None, None, True, 0.0, self.eps, False)
