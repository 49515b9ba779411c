"""Positions of queries and keys in attention, as factors that turn their features."""

import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from auralflow_core.dsp import positions as tables
from auralflow_torch.layers.checks import is_tracing

WIDE = (torch.float32, torch.float64)


class Turn(NamedTuple):
    """Angles by which features are turned.

    Attributes:
        cos, sin: (steps, heads or 1, features or pairs of them).
    """

    cos: Tensor
    sin: Tensor


class Positions(NamedTuple):
    """The turns of queries and keys.

    Attributes:
        query, key: see Turn.
    """

    query: Turn
    key: Turn


def rotary(steps: int, size: int, like: Tensor) -> Positions:
    """Turns neighbouring features as one complex number (Su et al. 2021, "RoFormer", eq. 34).

    Args:
        steps: length of the sequence.
        size: features of each head, even.
        like: a tensor of the type and device that the tables are to have.
    """
    turn = _table(steps, size // 2, like)
    return Positions(turn, turn)


def polar(steps: int, shift: Tensor, like: Tensor) -> Positions:
    """Turns each feature, whose softplus is a length; keys by a learned angle more, within a turn backwards.

    The published BS-PolarFormers have these positions.

    Args:
        steps: length of the sequence.
        shift: (heads, features of each head), radians; beyond [-2 pi, 0] it is cut.
        like: a tensor of the type and device that the tables are to have.
    """
    cos, sin = turn = _table(steps, shift.shape[-1], like)
    shift = shift.clamp(-2 * math.pi, 0)
    # The sum of angles by the addition theorems, as its first part is known beyond float32.
    cos_shift, sin_shift = shift.cos(), shift.sin()
    return Positions(turn, Turn(cos * cos_shift - sin * sin_shift, sin * cos_shift + cos * sin_shift))


def turn_pairs(x: Tensor, turn: Turn) -> Tensor:
    """Turns neighbouring features of (..., steps, heads, features)."""
    pairs = x.unflatten(-1, (-1, 2))
    if x.dtype == turn.cos.dtype and x.dtype in WIDE and not is_tracing() and not torch.compiler.is_compiling():
        # One pass over memory; compiled and exported graphs, and half types, know no complex numbers.
        return torch.view_as_real(torch.view_as_complex(pairs) * torch.complex(turn.cos, turn.sin)).flatten(-2)
    a, b = pairs.unbind(-1)
    return torch.stack([a * turn.cos - b * turn.sin, b * turn.cos + a * turn.sin], dim=-1).flatten(-2)


def turn_lengths(x: Tensor, turn: Turn) -> Tensor:
    """Turns (..., steps, heads, features), and returns twice as many: real parts, then imaginary ones."""
    length = F.softplus(x, threshold=40)  # exact up to there
    return torch.cat([length * turn.cos, length * turn.sin], dim=-1)


def _table(steps: int, count: int, like: Tensor) -> Turn:
    if isinstance(steps, int) and torch.compiler.is_exporting():  # constants, as not every runtime has float64
        angles = tables.angles(steps, count)[:, None]
        return Turn(*(torch.from_numpy(wave(angles)).to(like) for wave in (np.cos, np.sin)))
    # On the CPU, as not every device has float64; by torch, so that an exported graph takes any number of steps.
    frequencies = torch.from_numpy(tables.frequencies(count))
    angles = torch.arange(steps, dtype=torch.float64, device="cpu")[:, None, None] * frequencies
    return Turn(angles.cos().to(like), angles.sin().to(like))
