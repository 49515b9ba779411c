"""Block Toeplitz equations in both packages, against numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import auralflow_jax.metrics.toeplitz
import auralflow_torch.metrics.toeplitz


class InJax:
    """The functions of auralflow_jax, from numpy arrays to numpy arrays."""

    @staticmethod
    def cholesky(column, ridge):
        with jax.enable_x64(True):
            return np.asarray(auralflow_jax.metrics.toeplitz.cholesky(jnp.asarray(column), ridge))

    @staticmethod
    def solve(column, right):
        with jax.enable_x64(True):
            return np.asarray(auralflow_jax.metrics.toeplitz.Equations(jnp.asarray(column)).solve(jnp.asarray(right)))


class InTorch:
    """The same of auralflow_torch."""

    @staticmethod
    def cholesky(column, ridge):
        return auralflow_torch.metrics.toeplitz.cholesky(torch.tensor(column), ridge).numpy()

    @staticmethod
    def solve(column, right):
        return auralflow_torch.metrics.toeplitz.Equations(torch.tensor(column)).solve(torch.tensor(right)).numpy()


@pytest.fixture(params=[InJax, InTorch], ids=["jax", "torch"])
def toeplitz(request):
    return request.param


def gram(blocks=12, rows=3, samples=200, rank=None, seed=0):
    """The inner products of delayed signals: its first column of blocks, and the whole matrix."""
    rng = np.random.default_rng(seed)
    signals = rng.standard_normal((rows, samples))
    if rank:
        signals = rng.standard_normal((rows, rank)) @ signals[:rank]
    delayed = np.stack([[np.pad(signal, (delay, blocks - 1 - delay)) for signal in signals] for delay in range(blocks)])
    matrix = np.einsum("kin,ljn->kilj", delayed, delayed)
    # Block (k, 0): the signals at delay k with those at none.
    return matrix[:, :, 0], matrix.reshape(blocks * rows, -1)


@pytest.mark.parametrize(("blocks", "rows"), [(1, 2), (2, 1), (12, 3), (40, 2)])
def test_the_factor_is_choleskys(toeplitz, blocks, rows):
    column, matrix = gram(blocks, rows)
    np.testing.assert_allclose(toeplitz.cholesky(column, 0.0), np.linalg.cholesky(matrix), atol=1e-11)
    factor = toeplitz.cholesky(column, 0.5)
    np.testing.assert_allclose(factor @ factor.T, matrix + 0.5 * np.diag(np.diag(matrix)), atol=1e-10)


def test_a_matrix_that_is_not_positive_has_no_factor(toeplitz):
    column, _ = gram()
    column[1] = 2 * column[0]
    assert np.isnan(toeplitz.cholesky(column, 0.0)[-1, -1])


def test_solutions_are_those_of_the_matrix(toeplitz):
    column, matrix = gram()
    right = np.random.default_rng(1).standard_normal((12, 3, 5))
    expected = np.linalg.solve(matrix, right.reshape(36, 5))
    np.testing.assert_allclose(toeplitz.solve(column, right).reshape(36, 5), expected, rtol=1e-9, atol=1e-12)


def test_singular_equations_are_solved_where_they_can_be(toeplitz):
    column, matrix = gram(rank=2)
    assert np.linalg.matrix_rank(matrix) == 24
    right = (matrix @ np.random.default_rng(1).standard_normal((36, 4))).reshape(12, 3, 4)
    solution = toeplitz.solve(column, right).reshape(36, 4)
    np.testing.assert_allclose(matrix @ solution, right.reshape(36, 4), atol=1e-9 * np.abs(right).max())


def test_rows_of_zeros_have_zeros_for_solutions(toeplitz):
    column, _ = gram()
    silent = np.zeros((12, 4, 4))
    silent[:, :3, :3] = column
    right = np.random.default_rng(1).standard_normal((12, 4, 2))
    right[:, 3] = 0
    solution = toeplitz.solve(silent, right)
    assert not solution[:, 3].any()
    np.testing.assert_allclose(solution[:, :3], toeplitz.solve(column, right[:, :3]), atol=1e-9)
