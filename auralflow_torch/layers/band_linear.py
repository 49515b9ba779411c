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
        spread = torch.tensor(widths, device=device) ** -0.5
        with torch.no_grad():
            self.weight *= spread.repeat_interleave(torch.tensor(widths, device=device), output_size=total)
            self.bias *= spread[:, None]

    def forward(self, x: Tensor) -> Tensor:
        """Maps (..., all bands' numbers) to (..., bands, features)."""
        entries = [run.entries for run in self.runs]
        divided = (x.split(entries, -1), self.gamma.split(entries), self.weight.split(entries, 1))
        parts = []
        for run, part, scale, own in zip(self.runs, *divided, strict=True):
            part = normalize(part.unflatten(-1, run), scale.view(run))
            parts.append(torch.einsum("...ki,oki->...ko", part, own.unflatten(-1, run)))
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
        # The gradient of a split is one concatenation. That of a slice is an array as large as the whole, for each.
        bands, entries = [run.bands for run in self.runs], [run.entries for run in self.runs]
        parts = [
            torch.einsum("...ki,koi->...ko", part, own.unflatten(0, run)).flatten(-2)
            for run, part, own in zip(self.runs, x.split(bands, -2), self.weight.split(entries), strict=True)
        ]
        return torch.cat(parts, dim=-1) + self.bias
