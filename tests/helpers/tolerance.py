"""Tolerances of float32 comparisons that follow from the error of float32 itself, not from one machine's rounding.

A reference is computed in float64, which is taken as exact, and several times in float32: from the inputs, and from
inputs that are moved by at most one unit in the last place, so that each pass rounds differently. The largest error of
these passes says how exactly float32 can know the quantity; another framework, or another processor, may be off by
`FACTOR` times as much. A result that float32 happens to know exactly may be off by `ULPS` units of its tensor's scale.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

FACTOR = 8
ULPS = 16
PASSES = 4

EPSILON = float(np.finfo(np.float32).eps)
WIDE = {"float32": "float64", "complex64": "complex128"}

Run = Callable[..., Sequence[np.ndarray]]


class Reference(NamedTuple):
    """A tensor in float64, and the error that a float32 computation of it may have.

    Attributes:
        exact: the tensor.
        tolerance: absolute, the same for every element.
    """

    exact: np.ndarray
    tolerance: float

    def check(self, result: np.ndarray, name: str = "") -> None:
        """Raises an AssertionError unless every element of a result is within the tolerance."""
        np.testing.assert_allclose(result, self.exact, rtol=0, atol=self.tolerance, err_msg=name)


def references(run: Run, *arrays: np.ndarray) -> list[Reference]:
    """Computes the results of `run` and their tolerances.

    Args:
        run: computes the reference's results from arrays, in the precision of the arrays.
        arrays: inputs in float32 or complex64.
    """
    exact = [np.asarray(result) for result in run(*(array.astype(WIDE[array.dtype.name]) for array in arrays))]
    errors = np.zeros(len(exact))
    for inputs in _nearby(arrays):
        found = [np.abs(result - true).max(initial=0) for result, true in zip(run(*inputs), exact, strict=True)]
        errors = np.maximum(errors, found)
    scales = [np.abs(true).max(initial=0) for true in exact]
    return [
        Reference(true, max(FACTOR * float(error), ULPS * EPSILON * float(scale)))
        for true, error, scale in zip(exact, errors, scales, strict=True)
    ]


def _nearby(arrays: Sequence[np.ndarray]) -> Iterator[list[np.ndarray]]:
    """The inputs, and then inputs in which each number is moved by one unit in its last place or not at all."""
    rng = np.random.default_rng(0)
    yield list(arrays)
    for _ in range(PASSES - 1):
        yield [array * (1 + EPSILON * rng.integers(-1, 2, array.shape)).astype(np.float32) for array in arrays]


def assert_near(found: np.ndarray, expected: np.ndarray) -> None:
    """Raises an AssertionError unless a network's output is within 1e-5 of another's, of its largest value above 1."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * max(1, np.abs(expected).max()))
