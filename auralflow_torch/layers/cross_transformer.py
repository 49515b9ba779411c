"""A transformer over two sequences that look at each other."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auralflow_core.dsp.positions import waves, waves_2d
from auralflow_torch.layers.attention import GROWTH, attend
from auralflow_torch.layers.conv2d import linear
from auralflow_torch.layers.layer_scale import LayerScale

START = 1e-4  # of the scale of a branch


class MultiheadAttention(nn.Module):
    """Attention of one sequence to another, or to itself (Vaswani et al. 2017, "Attention is all you need").

    Args:
        width: features of each step.
        heads: number of heads.
        device: where the weights are made.
    """

    def __init__(self, width: int, heads: int, device=None) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (linear(width, width, device) for _ in range(4))

    def forward(self, x: Tensor, source: Tensor) -> Tensor:
        """Maps (batch, steps, width), and a source (batch, its steps, width), to the first's shape."""
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)) for part in (self.query(x), self.key(source), self.value(source))
        )
        return self.out(attend(query, key, value).flatten(-2))


class CrossLayer(nn.Module):
    """Attention and feedforward, each normalised before, scaled, and added to what goes in; then a norm over all.

    Args:
        width: features of each step.
        heads: of attention.
        crosses: look at another sequence.
        dropout_p: probability with which features of both branches are dropped while training.
        device: where the weights are made.
    """

    def __init__(self, width: int, heads: int, crosses: bool, dropout_p: float = 0.0, device=None) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width, device=device)
        self.source_norm = nn.LayerNorm(width, device=device) if crosses else None
        self.attention = MultiheadAttention(width, heads, device)
        self.attention_scale = LayerScale(width, START, device=device)
        self.feedforward_norm = nn.LayerNorm(width, device=device)
        self.wide = linear(width, GROWTH * width, device)
        self.narrow = linear(GROWTH * width, width, device)
        self.feedforward_scale = LayerScale(width, START, device=device)
        self.norm = WholeNorm(1, width, device=device)
        self.dropout = nn.Dropout(dropout_p)

    def forward(self, x: Tensor, other: Tensor) -> Tensor:
        """Maps (batch, steps, width), with another sequence, which only some look at, to the same shape."""
        y = self.attention_norm(x)
        source = y if self.source_norm is None else self.source_norm(other)
        x = x + self.attention_scale(self.dropout(self.attention(y, source)))
        y = self.narrow(self.dropout(F.gelu(self.wide(self.feedforward_norm(x)))))
        return self.norm(x + self.feedforward_scale(self.dropout(y)))


class WholeNorm(nn.GroupNorm):
    """torch's norm over all steps and features, of (batch, steps, features)."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.transpose(1, 2)).transpose(1, 2)


class CrossTransformer(nn.Module):
    """Layers for a spectrum and a waveform; every second one looks at the other (Rouard et al. 2022, "Hybrid
    transformers for music source separation").

    Args:
        num_layers: of each of both.
        width, heads, dropout_p, device: see CrossLayer.
    """

    def __init__(self, num_layers: int, width: int, heads: int, dropout_p: float = 0.0, device=None) -> None:
        super().__init__()
        self.norm, self.wave_norm = (nn.LayerNorm(width, device=device) for _ in range(2))
        self.layers, self.wave_layers = (
            nn.ModuleList([CrossLayer(width, heads, index % 2 == 1, dropout_p, device) for index in range(num_layers)])
            for _ in range(2)
        )

    def forward(self, spectrum: Tensor, wave: Tensor) -> tuple[Tensor, Tensor]:
        """Maps (batch, width, bins, frames) and (batch, width, steps) to the same shapes."""
        _, width, bins, frames = spectrum.shape
        x = self.norm(spectrum.flatten(2).transpose(1, 2))
        x = x + torch.from_numpy(waves_2d(bins, frames, width)).to(x).flatten(0, 1)
        y = self.wave_norm(wave.transpose(1, 2))
        y = y + torch.from_numpy(waves(wave.shape[-1], width)).to(y)
        for layer, wave_layer in zip(self.layers, self.wave_layers, strict=True):
            x, y = layer(x, y), wave_layer(y, x)
        return x.transpose(1, 2).unflatten(2, (bins, frames)), y.transpose(1, 2)
