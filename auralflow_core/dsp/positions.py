"""Angles that tell attention how far steps are apart."""

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
