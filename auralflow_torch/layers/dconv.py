"""Residual branches of dilated convolutions along (rows, channels, steps)."""

import torch.nn.functional as F
from torch import Tensor, nn

from auralflow_core.config.networks.demucs import Level
from auralflow_torch.layers.conv2d import initialize
from auralflow_torch.layers.layer_scale import LayerScale
from auralflow_torch.layers.local_attention import LocalAttention
from auralflow_torch.layers.windowed_recurrent import WindowedRecurrent

START = 1e-3  # of the scale of a branch
SIZE = 3  # of the kernels, in steps
RECTIFIED, GATED = 2.0, 3.0  # gains of initial weights, see auralflow_jax.layers.conv1d


class DConvLayer(nn.Module):
    """A convolution to fewer channels, perhaps layers that see further on them, and a gated linear unit back.

    Args:
        channels: that come in and go out.
        hidden: the fewer channels.
        dilation: steps between those that the convolution sees.
        recurrent: whether there are recurrent layers.
        attentive: whether there is attention, behind them.
        device: where the weights are made.
    """

    def __init__(
        self, channels: int, hidden: int, dilation: int, recurrent: bool, attentive: bool, device=None
    ) -> None:
        super().__init__()
        squeeze = nn.Conv1d(channels, hidden, SIZE, padding=dilation, dilation=dilation, device=device)
        self.squeeze = initialize(squeeze, SIZE * channels, RECTIFIED)
        self.squeeze_norm = nn.GroupNorm(1, hidden, device=device)
        self.recurrent = WindowedRecurrent(hidden, device) if recurrent else nn.Identity()
        self.attention = LocalAttention(hidden, device) if attentive else nn.Identity()
        self.expand = initialize(nn.Conv1d(hidden, 2 * channels, 1, device=device), hidden, GATED)
        self.expand_norm = nn.GroupNorm(1, 2 * channels, device=device)
        self.scale = LayerScale(channels, START, axis=-2, device=device)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (rows, channels, steps) to the same shape."""
        x = self.attention(self.recurrent(F.gelu(self.squeeze_norm(self.squeeze(x)))))
        return self.scale(F.glu(self.expand_norm(self.expand(x)), dim=1))


class DConv(nn.Module):
    """Layers whose dilations double, each added to what goes in (Défossez 2021, "Hybrid spectrogram and waveform
    source separation", section 3.3).

    Args:
        level: the U-Net's, with the channels that come in and go out; those inside are rounded down.
        depth: number of layers.
        device: where the weights are made.
    """

    def __init__(self, level: Level, depth: int, device=None) -> None:
        super().__init__()
        hidden = level.features // level.compression
        self.layers = nn.ModuleList(
            [
                DConvLayer(level.features, hidden, 2**index, level.recurrent, level.attentive, device)
                for index in range(depth)
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        """Maps (rows, channels, steps) to the same shape."""
        for layer in self.layers:
            x = x + layer(x)
        return x
