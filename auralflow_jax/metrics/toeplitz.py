"""Equations whose matrix is symmetric, positive and block Toeplitz: block (k, l) depends on k - l alone."""

import jax
import jax.numpy as jnp

RIDGE = 1e-13  # added to the diagonal, as a share of it
TOLERANCE = 1e-14  # of the equations, relative
ITERATIONS = 10  # of conjugate gradients, at most


class Equations:
    """Equations that are factored once, in the square of their number, for any right-hand sides.

    The matrix may be singular, if the right-hand sides lie in its range. A small ridge makes it definite, and
    conjugate gradients that are preconditioned with the result remove the ridge's effect.

    Args:
        column: the first column of blocks, (blocks, rows, rows), best in float64.
    """

    def __init__(self, column: jax.Array):
        self._column, ridge = column, RIDGE
        self._factor = cholesky(column, ridge)
        while jnp.isnan(self._factor[-1, -1]) and ridge < 1:  # not definite yet
            ridge *= 10
            self._factor = cholesky(column, ridge)

    def solve(self, right: jax.Array) -> jax.Array:
        """Returns the solution (blocks, rows, columns) for right-hand sides of that shape."""
        return _solve(self._column, self._factor, right)


@jax.jit
def cholesky(column: jax.Array, ridge: float) -> jax.Array:
    """Computes the Cholesky factor, in the square of the matrix's size.

    Schur's algorithm: the matrix minus itself moved down the diagonal by a block is A A^T - B B^T, with A the factor's
    first columns. Moved down, A and B take a hyperbolic rotation that clears B's next block; then A is the next
    columns, and so on. In the mixed form, B from the new A, it is as accurate as elimination: Bojanczyk, Brent, de
    Hoog and Sweet, "On the stability of the Bareiss and related Toeplitz factorization algorithms", SIAM J. Matrix
    Anal. Appl. 1995.

    Args:
        column: the first column of blocks, (blocks, rows, rows).
        ridge: added to the diagonal, as a share of it.

    Returns:
        (blocks * rows, blocks * rows), lower triangular, with NaN at its end if the matrix is not positive definite.
    """
    blocks, rows, _ = column.shape
    energy = jnp.diagonal(column[0])
    # Rows of zeros, as a silent channel has: any number makes their solutions zeros.
    column = column.at[0].add(jnp.diag(jnp.where(energy == 0, 1, ridge * energy)))
    first = column.reshape(-1, rows) @ _inverse(jnp.linalg.cholesky(column[0])).T

    def rotate(state, index):
        above, below = state
        above = jnp.roll(above, rows, axis=0).at[:rows].set(0)
        pivot, clear = (jax.lax.dynamic_slice_in_dim(part, index * rows, rows) for part in (above, below))
        reflection = _inverse(pivot) @ clear
        one, other = (
            jnp.linalg.cholesky(jnp.eye(rows) - square)
            for square in (reflection @ reflection.T, reflection.T @ reflection)
        )
        above = (above - below @ reflection.T) @ _inverse(one).T
        below = below @ other - above @ (_inverse(one) @ reflection @ other)
        return (above, below), above

    _, columns = jax.lax.scan(rotate, (first, first.at[:rows].set(0)), jnp.arange(1, blocks))
    columns = jnp.concatenate([first[None], columns])
    return jnp.moveaxis(columns, 0, 1).reshape(blocks * rows, -1)


def _inverse(factor: jax.Array) -> jax.Array:
    """Inverts a small lower triangular matrix."""
    return jax.scipy.linalg.solve_triangular(factor, jnp.eye(len(factor)), lower=True)


@jax.jit
def _solve(column: jax.Array, factor: jax.Array, right: jax.Array) -> jax.Array:
    """Solves block Toeplitz equations for right-hand sides (blocks, rows, columns)."""
    blocks, size = len(column), 2 * len(column)
    # Block (k, l) is column[k - l], or the transpose of column[l - k]: a circulant of twice the size holds it.
    circulant = jnp.concatenate([column, jnp.zeros_like(column[:1]), column[:0:-1].swapaxes(1, 2)])
    spectrum = jnp.fft.rfft(circulant, axis=0)

    def multiply(x):
        return jnp.fft.irfft(spectrum @ jnp.fft.rfft(x, size, axis=0), size, axis=0)[:blocks]

    def precondition(x):
        return jax.scipy.linalg.cho_solve((factor, True), x.reshape(len(factor), -1)).reshape(x.shape)

    return jax.scipy.sparse.linalg.cg(multiply, right, tol=TOLERANCE, maxiter=ITERATIONS, M=precondition)[0]
