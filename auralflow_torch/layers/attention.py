"""Transformers over sequences (..., steps, width), and their attention."""

from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from auralflow_torch.layers.conv2d import initialize, linear
from auralflow_torch.layers.in_parts import in_parts
from auralflow_torch.layers.positions import Positions, turn_lengths, turn_pairs
from auralflow_torch.layers.rms_norm import RMSNorm

GROWTH = 4  # of the features inside a feedforward layer


class Attention(nn.Module):
    """Attention of each step to all steps, with a gate for each head.

    Args:
        width: features of each step.
        heads: number of heads.
        head_size: features of each head.
        polar: of the positions, see `positions.polar`.
        dropout_p: probability with which features that go out are dropped while training.
        device: where the weights are made.
    """

    def __init__(
        self, width: int, heads: int, head_size: int, polar: bool = False, dropout_p: float = 0.0, device=None
    ) -> None:
        super().__init__()
        self.heads, self.turn = heads, turn_lengths if polar else turn_pairs
        inner = heads * head_size
        self.norm = RMSNorm(width, device)
        self.qkv = initialize(nn.Linear(width, 3 * inner, bias=False, device=device), width)
        self.gate = linear(width, heads, device)
        self.out = initialize(nn.Linear(inner, width, bias=False, device=device), inner)
        self.dropout = nn.Dropout(dropout_p)

    def forward(self, x: Tensor, positions: Positions) -> Tensor:
        """Maps (..., steps, width) to the same shape."""
        y = self.norm(x)
        query, key, value = self.qkv(y).unflatten(-1, (3, self.heads, -1)).unbind(-3)
        query, key = self.turn(query, positions.query), self.turn(key, positions.key)
        found = attend(query.to(value), key.to(value), value) * self.gate(y).sigmoid().unsqueeze(-1)
        return self.dropout(self.out(found.flatten(-2)))


class FeedForward(nn.Module):
    """Two linear layers on each step.

    Args:
        width: features of each step.
        dropout_p: probability with which features between and behind them are dropped while training.
        device: where the weights are made.
    """

    def __init__(self, width: int, dropout_p: float = 0.0, device=None) -> None:
        super().__init__()
        self.norm = RMSNorm(width, device)
        self.wide = linear(width, GROWTH * width, device)
        self.narrow = linear(GROWTH * width, width, device)
        self.dropout = nn.Dropout(dropout_p)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (..., width) to the same shape."""
        return self.dropout(self.narrow(self.dropout(F.gelu(self.wide(self.norm(x))))))


class TransformerLayer(nn.Module):
    """Attention and feedforward, each added to what goes in.

    Args:
        width, heads, head_size, polar, dropout_p, device: see Attention.
    """

    def __init__(
        self, width: int, heads: int, head_size: int, polar: bool = False, dropout_p: float = 0.0, device=None
    ) -> None:
        super().__init__()
        self.attention = Attention(width, heads, head_size, polar, dropout_p, device)
        self.feedforward = FeedForward(width, dropout_p, device)

    def forward(self, x: Tensor, positions: Positions) -> Tensor:
        """Maps (..., steps, width) to the same shape."""
        x = x + self.attention(x, positions)
        return x + self.feedforward(x)


class Transformer(nn.Module):
    """Layers of attention and feedforward.

    Args:
        num_layers: number of them.
        norm_end: end with a norm.
        width, heads, head_size, polar, dropout_p, device: see Attention.
    """

    def __init__(
        self,
        num_layers: int,
        norm_end: bool,
        width: int,
        heads: int,
        head_size: int,
        polar: bool = False,
        dropout_p: float = 0.0,
        device=None,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [TransformerLayer(width, heads, head_size, polar, dropout_p, device) for _ in range(num_layers)]
        )
        self.widest = max(3 * heads * head_size, GROWTH * width)  # of the arrays inside a layer
        self.norm = RMSNorm(width, device) if norm_end else nn.Identity()

    def forward(self, x: Tensor, positions: Positions) -> Tensor:
        """Maps (..., steps, width) to the same shape."""
        for layer in self.layers:
            rows = in_parts(partial(layer, positions=positions), x.flatten(0, -3), x.shape[-2] * self.widest)
            x = rows.view(x.shape)
        return self.norm(x)


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Scaled dot-product attention (Vaswani et al. 2017, "Attention is all you need", eq. 1).

    Scores are divided by the root of the value's size.

    Args:
        query: (..., steps, heads, size).
        key: (..., its steps, heads, size).
        value: (..., its steps, heads, size of the value).

    Returns:
        (..., steps, heads, size of the value).
    """
    size, shape = value.shape[-1], query.shape[:-1]
    # The kernels that keep no scores take one size alone. Padding by nothing would copy.
    padded = value if query.shape[-1] == size else F.pad(value, (0, query.shape[-1] - size))
    # And four axes alone; with others torch would keep all scores, and take three times as long.
    query, key, padded = (part.reshape(-1, *part.shape[-3:]).transpose(1, 2) for part in (query, key, padded))
    found = F.scaled_dot_product_attention(query, key, padded, scale=size**-0.5).transpose(1, 2)
    return found[..., :size].reshape(*shape, size)
