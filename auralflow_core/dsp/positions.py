"""Angles and waves that tell attention where steps are, or how far apart."""

import numpy as np

BASE = 10000.0


def frequencies(count: int) -> np.ndarray:
    """Radians per step of `count` features, from 1 down, float64 (Su et al. 2021, "RoFormer", section 3.2).

    Example:
        >>> frequencies(4).round(6).tolist()
        [1.0, 0.1, 0.01, 0.001]
    """
    return BASE ** (-np.arange(count) / count)


def angles(steps: int, count: int) -> np.ndarray:
    """The angle in radians of each step and feature, (steps, count), float64.

    In float32 the angles of the thousandth step would be wrong by 3e-5.
    """
    return np.outer(np.arange(steps), frequencies(count))


def waves(steps: int, width: int) -> np.ndarray:
    """The cosines, then the sines, of each step's angles, (steps, width), float64.

    The frequencies fall from 1 to 1 / 10000 radians a step, both included, as in the published HTDemucs.

    Args:
        steps: length of the sequence.
        width: number of features, even, at least 4.
    """
    half = width // 2
    turned = np.outer(np.arange(steps), BASE ** (-np.arange(half) / (half - 1)))
    return np.concatenate([np.cos(turned), np.sin(turned)], axis=1)


def waves_2d(rows: int, columns: int, width: int) -> np.ndarray:
    """Sine and cosine in turn, (rows, columns, width), float64: of the columns' angles, then of the rows' (Vaswani et
    al. 2017, "Attention is all you need", section 3.5, for both axes).

    Args:
        rows: length of the first axis.
        columns: length of the second axis.
        width: number of features, a multiple of 4.
    """

    def interleaved(steps: int) -> np.ndarray:
        turned = angles(steps, width // 4)
        return np.stack([np.sin(turned), np.cos(turned)], axis=-1).reshape(steps, -1)

    shape = rows, columns, width // 2
    by_column = np.broadcast_to(interleaved(columns), shape)
    by_row = np.broadcast_to(interleaved(rows)[:, None], shape)
    return np.concatenate([by_column, by_row], axis=-1)
