"""Shares of several members in the estimates of each target: of networks in one model, or of models in an ensemble."""

from collections.abc import Sequence

import numpy as np


def normalized(shares: Sequence[float], members: int, targets: int) -> np.ndarray:
    """The weight of each member's estimate of each target; the weights of a target have the sum 1.

    Args:
        shares: the first member's for all targets, then the next one's; empty: 1 each.
        members: their number.
        targets: their number.

    Returns:
        (members, targets), float64. A target without any share has weights of 0.

    Example:
        >>> normalized((1, 3, 1, 0), members=2, targets=2).tolist()
        [[0.5, 1.0], [0.5, 0.0]]
    """
    weights = np.reshape(np.asarray(shares, np.float64), (members, targets)) if shares else np.ones((members, targets))
    total = weights.sum(0)
    return np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
