"""Strided convolutions over the bins of bands of (batch, channels, bins, frames), and their transposes."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auralflow_core.config.networks.scnet import Band
from auralflow_torch.layers.conv2d import initialize


class BandConv(nn.Module):
    """A convolution of each band, which divides its bins by its stride.

    Args:
        inputs: channels that come in.
        features: channels that go out.
        bands: of the bins that come in.
        strides: in bins, of each band.
        sizes: of the kernels, in bins, of each band.
        device: where the weights are made.
    """

    def __init__(
        self,
        inputs: int,
        features: int,
        bands: tuple[Band, ...],
        strides: tuple[int, ...],
        sizes: tuple[int, ...],
        device=None,
    ) -> None:
        super().__init__()
        self.bands = bands
        self.layers = nn.ModuleList(
            [
                initialize(nn.Conv2d(inputs, features, (size, 1), (stride, 1), device=device), size * inputs)
                for stride, size in zip(strides, sizes, strict=True)
            ]
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """Maps (batch, inputs, bins, frames) to (batch, features, fewer bins, frames) of each band."""
        return [
            layer(F.pad(x[:, :, band.start : band.start + band.bins], (0, 0, band.before, band.after)))
            for band, layer in zip(self.bands, self.layers, strict=True)
        ]


class BandUpsample(nn.Module):
    """The transposed convolutions: as many bins as came into `BandConv`.

    Args:
        inputs: channels that come in.
        features: channels that go out.
        bands: of the bins that go out.
        strides: in bins, of each band.
        sizes: of the kernels, in bins, of each band.
        device: where the weights are made.
    """

    def __init__(
        self,
        inputs: int,
        features: int,
        bands: tuple[Band, ...],
        strides: tuple[int, ...],
        sizes: tuple[int, ...],
        device=None,
    ) -> None:
        super().__init__()
        self.bands = bands
        self.layers = nn.ModuleList(
            [
                # -(-size // stride) inputs add up to each bin that goes out.
                initialize(
                    nn.ConvTranspose2d(inputs, features, (size, 1), (stride, 1), device=device),
                    -(-size // stride) * inputs,
                )
                for stride, size in zip(strides, sizes, strict=True)
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        """Maps (batch, inputs, fewer bins, frames) to (batch, features, bins, frames)."""
        parts = x.split([band.outputs for band in self.bands], dim=2)
        found = []
        for band, layer, part in zip(self.bands, self.layers, parts, strict=True):
            up = layer(part)
            first = (up.shape[2] - band.bins) // 2
            found.append(up[:, :, first : first + band.bins])
        return torch.cat(found, dim=2)
