import jax
import jax.numpy as jnp
import numpy as np
import pytest

from auralflow_jax.metrics.toeplitz import Equations, cholesky


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


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
def test_the_factor_is_choleskys(blocks, rows):
    column, matrix = gram(blocks, rows)
    np.testing.assert_allclose(cholesky(jnp.asarray(column), 0.0), np.linalg.cholesky(matrix), atol=1e-11)
    factor = cholesky(jnp.asarray(column), 0.5)
    np.testing.assert_allclose(factor @ factor.T, matrix + 0.5 * np.diag(np.diag(matrix)), atol=1e-10)


def test_a_matrix_that_is_not_positive_has_no_factor():
    column, _ = gram()
    column[1] = 2 * column[0]
    assert np.isnan(cholesky(jnp.asarray(column), 0.0)[-1, -1])


def test_solutions_are_those_of_the_matrix():
    column, matrix = gram()
    right = np.random.default_rng(1).standard_normal((12, 3, 5))
    expected = np.linalg.solve(matrix, right.reshape(36, 5))
    np.testing.assert_allclose(
        Equations(jnp.asarray(column)).solve(jnp.asarray(right)).reshape(36, 5), expected, rtol=1e-9, atol=1e-12
    )


def test_singular_equations_are_solved_where_they_can_be():
    column, matrix = gram(rank=2)
    assert np.linalg.matrix_rank(matrix) == 24
    right = (matrix @ np.random.default_rng(1).standard_normal((36, 4))).reshape(12, 3, 4)
    solution = Equations(jnp.asarray(column)).solve(jnp.asarray(right)).reshape(36, 4)
    np.testing.assert_allclose(matrix @ solution, right.reshape(36, 4), atol=1e-9 * np.abs(right).max())


def test_rows_of_zeros_have_zeros_for_solutions():
    column, _ = gram()
    silent = np.zeros((12, 4, 4))
    silent[:, :3, :3] = column
    right = np.random.default_rng(1).standard_normal((12, 4, 2))
    right[:, 3] = 0
    solution = Equations(jnp.asarray(silent)).solve(jnp.asarray(right))
    assert not solution[:, 3].any()
    np.testing.assert_allclose(
        solution[:, :3], Equations(jnp.asarray(column)).solve(jnp.asarray(right[:, :3])), atol=1e-9
    )
