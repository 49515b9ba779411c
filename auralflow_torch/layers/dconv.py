"""Residual branches of dilated convolutions along (rows, channels, steps)."""

import torch.nn.functional as F
from torch import Tensor, nn

from auralflow_torch.layers.conv2d import initialize
from auralflow_torch.layers.layer_scale import LayerScale

START = 1e-3  # of the scale of a branch
SIZE = 3  # of the kernels, in steps
RECTIFIED, GATED = 2.0, 3.0  # gains of initial weights, see auralflow_jax.layers.conv1d


class DConvLayer(nn.Module):
    """A convolution to fewer channels, and a gated linear unit back.

    Args:
        channels: that come in and go out.
        hidden: the fewer channels.
        dilation: steps between those that the convolution sees.
        device: where the weights are made.
    """

    def __init__(self, channels: int, hidden: int, dilation: int, device=None) -> None:
        super().__init__()
        squeeze = nn.Conv1d(channels, hidden, SIZE, padding=dilation, dilation=dilation, device=device)
        self.squeeze = initialize(squeeze, SIZE * channels, RECTIFIED)
        self.squeeze_norm = nn.GroupNorm(1, hidden, device=device)
        self.expand = initialize(nn.Conv1d(hidden, 2 * channels, 1, device=device), hidden, GATED)
        self.expand_norm = nn.GroupNorm(1, 2 * channels, device=device)
        self.scale = LayerScale(channels, START, axis=-2, device=device)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (rows, channels, steps) to the same shape."""
        x = F.gelu(self.squeeze_norm(self.squeeze(x)))
        return self.scale(F.glu(self.expand_norm(self.expand(x)), dim=1))


class DConv(nn.Module):
    """Layers whose dilations double, each added to what goes in (Défossez 2021, "Hybrid spectrogram and waveform
    source separation", section 3.3, without recurrence and attention).

    Args:
        channels: that come in and go out.
        depth: number of layers.
        compression: ratio of the channels to those inside, which are rounded down.
        device: where the weights are made.
    """

    def __init__(self, channels: int, depth: int, compression: int, device=None) -> None:
        super().__init__()
        hidden = channels // compression
        self.layers = nn.ModuleList([DConvLayer(channels, hidden, 2**index, device) for index in range(depth)])

    def forward(self, x: Tensor) -> Tensor:
        """Maps (rows, channels, steps) to the same shape."""
        for layer in self.layers:
            x = x + layer(x)
        return x
