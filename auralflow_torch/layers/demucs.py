"""Levels of Demucs' U-Nets, over the bins of (batch, channels, bins, frames) or over (batch, channels, steps)."""

import torch.nn.functional as F
from torch import Tensor, nn

from auralflow_core.config.networks.ht_demucs import STRIDE
from auralflow_torch.layers.conv2d import initialize
from auralflow_torch.layers.dconv import RECTIFIED, DConv

SIZE = 2 * STRIDE  # of the kernels, in bins or steps


class EncoderLayer(nn.Module):
    """A strided convolution, a residual branch along the frames or steps, and a gated linear unit.

    Args:
        inputs: channels that come in.
        features: channels that go out.
        compression: of the residual branch.
        residual_depth: of the residual branch.
        over_bins: whether the input has bins.
        device: where the weights are made.
    """

    def __init__(
        self, inputs: int, features: int, compression: int, residual_depth: int, over_bins: bool, device=None
    ) -> None:
        super().__init__()
        self.over_bins = over_bins
        if over_bins:
            conv = nn.Conv2d(inputs, features, (SIZE, 1), (STRIDE, 1), (STRIDE // 2, 0), device=device)
            self.conv = initialize(conv, SIZE * inputs, RECTIFIED)
        else:
            conv = nn.Conv1d(inputs, features, SIZE, STRIDE, STRIDE // 2, device=device)
            self.conv = initialize(conv, SIZE * inputs, RECTIFIED)
        self.dconv = DConv(features, residual_depth, compression, device)
        self.gate = _gate(features, 1, over_bins, device)

    def forward(self, x: Tensor) -> Tensor:
        """Divides bins, or steps, which are padded to whole strides, by four; channels become `features`."""
        if not self.over_bins:
            x = F.pad(x, (0, -x.shape[-1] % STRIDE))
        x = _along_steps(self.dconv, F.gelu(self.conv(x)))
        return F.glu(self.gate(x), dim=1)


class DecoderLayer(nn.Module):
    """A gated linear unit on the sum of input and skip connection, a residual branch, and a transposed convolution.

    Args:
        inputs: channels that come in.
        features: channels that go out.
        compression: of the residual branch.
        residual_depth: of the residual branch; 0: there is none.
        over_bins: whether the input has bins.
        last: of all, so that no rectifier follows.
        device: where the weights are made.
    """

    def __init__(
        self,
        inputs: int,
        features: int,
        compression: int,
        residual_depth: int,
        over_bins: bool,
        last: bool,
        device=None,
    ) -> None:
        super().__init__()
        self.last = last
        self.gate = _gate(inputs, 3, over_bins, device)
        self.dconv = DConv(inputs, residual_depth, compression, device) if residual_depth else None
        fan_in = 2 * inputs  # two windows add up to each step that goes out
        if over_bins:
            up = nn.ConvTranspose2d(inputs, features, (SIZE, 1), (STRIDE, 1), (STRIDE // 2, 0), device=device)
            self.up = initialize(up, fan_in, RECTIFIED)
        else:
            up = nn.ConvTranspose1d(inputs, features, SIZE, STRIDE, STRIDE // 2, device=device)
            self.up = initialize(up, fan_in, RECTIFIED)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Multiplies bins, or steps, by four; channels become `features`."""
        x = F.glu(self.gate(x + skip), dim=1)
        if self.dconv is not None:
            x = _along_steps(self.dconv, x)
        x = self.up(x)
        return x if self.last else F.gelu(x)


def _gate(channels: int, size: int, over_bins: bool, device) -> nn.Module:
    """The convolution before a gated linear unit."""
    if over_bins:
        layer = nn.Conv2d(channels, 2 * channels, size, padding=size // 2, device=device)
        return initialize(layer, channels * size**2, RECTIFIED)
    layer = nn.Conv1d(channels, 2 * channels, size, padding=size // 2, device=device)
    return initialize(layer, channels * size, RECTIFIED)


def _along_steps(branch: DConv, x: Tensor) -> Tensor:
    """A residual branch along the frames of each bin, or along the steps."""
    if x.ndim == 3:
        return branch(x)
    batch, channels, bins, frames = x.shape
    rows = branch(x.transpose(1, 2).reshape(-1, channels, frames))
    return rows.view(batch, bins, channels, frames).transpose(1, 2)
