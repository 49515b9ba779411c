"""Means and medians of listeners with intervals, paired comparisons, and Holm's correction."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

LEVEL = 0.95  # of all intervals
RESAMPLES, SEED = 10_000, 0  # of the bootstrap


class Interval(NamedTuple):
    """A value and the ends of its 95 % interval, which are NaN where a single listener leaves none."""

    value: float
    low: float
    high: float


def mean_interval(values: Sequence[float] | np.ndarray) -> Interval:
    """The mean of independent values, with Student's t interval.

    `mean +- t s / sqrt(n)`, the interval of ITU-R BS.1534-3.

    Args:
        values: of listeners, one each.

    Example:
        >>> print("{:.2f} {:.2f} {:.2f}".format(*mean_interval([60, 70, 80])))
        70.00 45.16 94.84
    """
    mean, number = float(np.mean(values)), len(values)
    if number < 2:
        return Interval(mean, math.nan, math.nan)
    half = student_quantile((1 + LEVEL) / 2, number - 1) * float(np.std(values, ddof=1)) / math.sqrt(number)
    return Interval(mean, mean - half, mean + half)


def median_interval(ratings: np.ndarray) -> Interval:
    """The median of all ratings, with a percentile interval of a bootstrap over the listeners.

    Listeners are drawn and not ratings, as the ratings of one listener are not independent: Davison and Hinkley,
    "Bootstrap Methods and their Application", 1997, 3.8.

    Args:
        ratings: (listeners, trials).
    """
    median, listeners = float(np.median(ratings)), len(ratings)
    if listeners < 2:
        return Interval(median, math.nan, math.nan)
    drawn = np.random.default_rng(SEED).integers(listeners, size=(RESAMPLES, listeners))
    medians = np.median(ratings[drawn].reshape(RESAMPLES, -1), axis=1)
    low, high = np.quantile(medians, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(median, float(low), float(high))


def paired_p(differences: Sequence[float] | np.ndarray) -> float:
    """The two-sided p value of the paired t-test: how likely so large a mean difference is if there is none.

    Args:
        differences: of listeners, one each.

    Returns:
        In [0, 1]; NaN for a single listener.
    """
    number, mean, spread = len(differences), float(np.mean(differences)), float(np.std(differences, ddof=0))
    if number < 2:
        return math.nan
    if spread == 0:
        return 1.0 if mean == 0 else 0.0
    return 2 * (1 - student_cdf(abs(mean) / spread * math.sqrt(number - 1), number - 1))


def holm(values: Sequence[float]) -> list[float]:
    """P values of several tests, corrected so that any false finding among them is as rare as one alone.

    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 1979.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    corrected, largest = [math.nan] * len(values), 0.0
    for rank, place in enumerate(np.argsort(values)):
        largest = max(largest, min(1.0, (len(values) - rank) * values[place]))
        corrected[place] = largest if not math.isnan(values[place]) else math.nan
    return corrected


def student_cdf(t: float, freedom: int) -> float:
    """Student's distribution function: the finite sums of Abramowitz and Stegun, 26.7.3 and 26.7.4.

    Args:
        t: any number.
        freedom: degrees of freedom, a positive integer.

    Example:
        >>> print(f"{student_cdf(1.0, 1):.4f}")
        0.7500
    """
    angle = math.atan(t / math.sqrt(freedom))
    cosine = math.cos(angle)
    is_odd = freedom % 2
    term = cosine if is_odd else 1.0
    total = 0.0 if freedom == 1 else term
    for step in range(2 + is_odd, freedom - 1, 2):
        term *= cosine**2 * (step - 1) / step
        total += term
    inside = math.sin(angle) * total
    inside = 2 / math.pi * (angle + inside) if is_odd else inside
    return (1 + inside) / 2


def student_quantile(share: float, freedom: int) -> float:
    """The t that `student_cdf` maps to a share in (0.5, 1), by bisection."""
    low, high = 0.0, 1.0
    while student_cdf(high, freedom) < share:
        low, high = high, 2 * high
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if student_cdf(middle, freedom) < share else (low, middle)
    return high
