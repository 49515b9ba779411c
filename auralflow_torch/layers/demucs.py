"""Levels of Demucs' U-Nets, over the bins of (batch, channels, bins, frames) or over (batch, channels, steps)."""

import torch.nn.functional as F
from torch import Tensor, nn

from auralflow_core.config.networks.demucs import Level
from auralflow_torch.layers.conv2d import initialize
from auralflow_torch.layers.dconv import RECTIFIED, DConv


class EncoderLayer(nn.Module):
    """A strided convolution, a residual branch along the frames or steps, and a gated linear unit.

    Args:
        inputs: channels that come in.
        level: the U-Net's.
        over_bins: whether the input has bins.
        device: where the weights are made.
    """

    def __init__(self, inputs: int, level: Level, over_bins: bool, device=None) -> None:
        super().__init__()
        self.over_bins, self.stride, features = over_bins, level.stride, level.features
        self.conv = strided(inputs, level, over_bins, device)
        self.conv_norm = _norm(level.groups, features, device)
        self.dconv = DConv(level, level.residual_depth, device)
        self.gate = _gate(features, 1, over_bins, device)
        self.gate_norm = _norm(level.groups, 2 * features, device)

    def forward(self, x: Tensor, added: Tensor | None = None) -> Tensor:
        """Divides bins, or steps, which are padded to whole strides, by the stride; channels become the level's.

        Args:
            x: the input.
            added: to the output of the convolution, or None.
        """
        if not self.over_bins:
            x = F.pad(x, (0, -x.shape[-1] % self.stride))
        x = self.conv(x)
        x = F.gelu(self.conv_norm(x if added is None else x + added))
        return F.glu(self.gate_norm(self.gate(_along_steps(self.dconv, x))), dim=1)


class DecoderLayer(nn.Module):
    """A gated linear unit on the sum of input and skip connection, a residual branch, and a transposed convolution.

    Args:
        level: the U-Net's, with the channels that come in.
        features: channels that go out.
        over_bins: whether the input has bins.
        last: of all, so that no rectifier follows.
        device: where the weights are made.
    """

    def __init__(self, level: Level, features: int, over_bins: bool, last: bool, device=None) -> None:
        super().__init__()
        self.gate = _gate(level.features, 3, over_bins, device)
        self.gate_norm = _norm(level.groups, 2 * level.features, device)
        self.dconv = DConv(level, level.decoder_depth, device)
        self.last, self.cut = last, 0 if level.joins else level.stride // 2
        # A norm sees the ends that are cut off behind it.
        padding = 0 if level.groups else self.cut
        self.up = transposed(level, features, over_bins, padding, device)
        self.up_norm = _norm(level.groups, features, device)

    def forward(self, x: Tensor, skip: Tensor) -> tuple[Tensor, Tensor]:
        """Multiplies bins, or steps, by the stride; returns that, and what the transposed convolution saw."""
        inner = _along_steps(self.dconv, F.glu(self.gate_norm(self.gate(x + skip)), dim=1))
        x = self.up(inner)
        if not isinstance(self.up_norm, nn.Identity):
            x = _without_ends(self.up_norm(x), self.cut)
        return (x if self.last else F.gelu(x)), inner


class Split(nn.Module):
    """A transposed convolution to the steps of a level's input, with a norm and a rectifier.

    Args:
        level: the U-Net's, with the channels that come in.
        features: channels that go out.
        device: where the weights are made.
    """

    def __init__(self, level: Level, features: int, device=None) -> None:
        super().__init__()
        self.cut = level.stride // 2
        self.up = transposed(level, features, False, 0, device)
        self.up_norm = _norm(level.groups, features, device)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (batch, channels, steps) to (batch, features, stride * steps)."""
        return F.gelu(_without_ends(self.up_norm(self.up(x)), self.cut))


def strided(inputs: int, level: Level, over_bins: bool, device=None) -> nn.Conv1d | nn.Conv2d:
    """The convolution that divides bins, or steps, by a level's stride."""
    size, stride = 2 * level.stride, level.stride
    if over_bins:
        padding = 0 if level.joins else stride // 2
        layer = nn.Conv2d(inputs, level.features, (size, 1), (stride, 1), (padding, 0), device=device)
    else:
        layer = nn.Conv1d(inputs, level.features, size, stride, stride // 2, device=device)
    return initialize(layer, size * inputs, RECTIFIED)


def transposed(
    level: Level, features: int, over_bins: bool, padding: int, device=None
) -> nn.ConvTranspose1d | nn.ConvTranspose2d:
    """The opposite of `strided`, which leaves out `padding` bins or steps at both ends."""
    inputs, size, stride = level.features, 2 * level.stride, level.stride
    if over_bins:
        layer = nn.ConvTranspose2d(inputs, features, (size, 1), (stride, 1), (padding, 0), device=device)
    else:
        layer = nn.ConvTranspose1d(inputs, features, size, stride, padding, device=device)
    return initialize(layer, 2 * inputs, RECTIFIED)  # two windows add up to each step that goes out


def _without_ends(x: Tensor, count: int) -> Tensor:
    """(batch, channels, bins or steps, ...) without `count` bins or steps at both ends."""
    return x[:, :, count : x.shape[2] - count]


def _norm(groups: int, channels: int, device) -> nn.Module:
    """A norm, or nothing where there are no groups."""
    return nn.GroupNorm(groups, channels, device=device) if groups else nn.Identity()


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
