"""Linear layers with weights of their own for each band, stored as few arrays and computed as few products."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from auralflow_core.dsp.bands import runs
from auralflow_torch.layers.rms_norm import normalize


class BandSplit(nn.Module):
    """A norm and a linear layer for each band, from bands of any widths to one width.

    Args:
        widths: numbers that come in for each band.
        features: that go out for each band.
        device: where the weights are made.
    """

    def __init__(self, widths: Sequence[int], features: int, device=None) -> None:
        super().__init__()
        self.runs = runs(widths)
        bands, total = len(widths), sum(widths)
        self.gamma = nn.Parameter(torch.ones(total, device=device))
        self.weight = nn.Parameter(torch.randn(features, total, device=device))
        # Nothing but the bias is left of silence, and the norms behind it would magnify the gradient of zeros.
        self.bias = nn.Parameter(torch.randn(bands, features, device=device))
        with torch.no_grad():
            for run in self.runs:
                self.weight[:, run.entries] *= run.width**-0.5
                self.bias[run.bands] *= run.width**-0.5

    def forward(self, x: Tensor) -> Tensor:
        """Maps (..., all bands' numbers) to (..., bands, features)."""
        parts = []
        for run in self.runs:
            shape = (-1, run.width)
            part = normalize(x[..., run.entries].unflatten(-1, shape), self.gamma[run.entries].view(shape))
            own = self.weight[:, run.entries].unflatten(-1, shape)
            parts.append(torch.einsum("...ki,oki->...ko", part, own))
        return torch.cat(parts, dim=-2) + self.bias


class BandLinear(nn.Module):
    """A linear layer for each band, from one width to another.

    Args:
        bands: number of bands.
        inputs: features that come in for each band.
        features: that go out for each band.
        device: where the weights are made.
    """

    def __init__(self, bands: int, inputs: int, features: int, device=None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(bands, features, inputs, device=device))
        self.bias = nn.Parameter(torch.zeros(bands, features, device=device))
        nn.init.normal_(self.weight, std=inputs**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (..., bands, inputs) to (..., bands, features)."""
        return torch.einsum("...ki,koi->...ko", x, self.weight) + self.bias


class BandJoin(nn.Module):
    """A linear layer for each band, from one width to bands of any widths.

    Args:
        widths: numbers that go out for each band.
        inputs: features that come in for each band.
        device: where the weights are made.
    """

    def __init__(self, widths: Sequence[int], inputs: int, device=None) -> None:
        super().__init__()
        self.runs = runs(widths)
        self.weight = nn.Parameter(torch.empty(sum(widths), inputs, device=device))
        self.bias = nn.Parameter(torch.zeros(sum(widths), device=device))
        nn.init.normal_(self.weight, std=inputs**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (..., bands, inputs) to (..., all bands' numbers)."""
        parts = [
            torch.einsum(
                "...ki,koi->...ko", x[..., run.bands, :], self.weight[run.entries].unflatten(0, (-1, run.width))
            ).flatten(-2)
            for run in self.runs
        ]
        return torch.cat(parts, dim=-1) + self.bias
