"""Equations whose matrix is symmetric, positive and block Toeplitz: block (k, l) depends on k - l alone."""

import torch
from torch import Tensor

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

    def __init__(self, column: Tensor):
        self._column, ridge = column, RIDGE
        self._factor = cholesky(column, ridge)
        while self._factor[-1, -1].isnan() and ridge < 1:  # not definite yet
            ridge *= 10
            self._factor = cholesky(column, ridge)
        # Block (k, l) is column[k - l], or the transpose of column[l - k]: a circulant of twice the size holds it.
        circulant = torch.cat([column, torch.zeros_like(column[:1]), column[1:].flip(0).mT])
        self._spectrum = torch.fft.rfft(circulant, dim=0)

    def solve(self, right: Tensor) -> Tensor:
        """Returns the solution (blocks, rows, columns) for right-hand sides of that shape."""
        return conjugate_gradients(self._multiply, self._precondition, right)

    def _multiply(self, x: Tensor) -> Tensor:
        size = 2 * len(self._column)
        return torch.fft.irfft(self._spectrum @ torch.fft.rfft(x, size, dim=0), size, dim=0)[: len(self._column)]

    def _precondition(self, x: Tensor) -> Tensor:
        return torch.cholesky_solve(x.reshape(len(self._factor), -1), self._factor).reshape(x.shape)


def cholesky(column: Tensor, ridge: float) -> Tensor:
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
        (blocks * rows, blocks * rows), lower triangular; all NaN if the matrix is not positive definite.
    """
    blocks, rows, _ = column.shape
    energy = column[0].diagonal()
    # Rows of zeros, as a silent channel has: any number makes their solutions zeros.
    corner = column[0] + torch.diag(torch.where(energy == 0, 1, ridge * energy))
    root, failed = torch.linalg.cholesky_ex(corner)
    above = torch.cat([corner[None], column[1:]]).reshape(-1, rows) @ _inverse(root).T
    below = above
    factor = above.new_zeros(blocks * rows, blocks * rows)
    factor[:, :rows] = above
    unit = torch.eye(rows, dtype=column.dtype)
    for first in range(rows, blocks * rows, rows):
        above, below = above[:-rows], below[rows:]  # both from row `first` on
        reflection = _inverse(above[:rows]) @ below[:rows]
        one, wrong = torch.linalg.cholesky_ex(unit - reflection @ reflection.T)
        other, wrong_too = torch.linalg.cholesky_ex(unit - reflection.T @ reflection)
        failed = failed + wrong + wrong_too
        above = (above - below @ reflection.T) @ _inverse(one).T
        below = below @ other - above @ (_inverse(one) @ reflection @ other)
        factor[first:, first : first + rows] = above
    return factor.fill_(torch.nan) if failed or factor[-1, -1].isnan() else factor


def _inverse(factor: Tensor) -> Tensor:
    """Inverts a small lower triangular matrix."""
    return torch.linalg.solve_triangular(factor, torch.eye(len(factor), dtype=factor.dtype), upper=False)


def conjugate_gradients(multiply, precondition, right: Tensor) -> Tensor:
    """Solves equations from zero on, all columns together; Hestenes and Stiefel, "Methods of conjugate gradients for
    solving linear systems", J. Res. NBS 1952, with a preconditioner.

    Args:
        multiply: multiplies a tensor of the shape of `right` by the matrix.
        precondition: multiplies one by roughly the inverse.
        right: the right-hand sides.
    """
    solution, residual = torch.zeros_like(right), right
    direction = descent = precondition(residual)
    slope, enough = (residual * descent).sum(), TOLERANCE**2 * right.square().sum()
    for _ in range(ITERATIONS):
        if residual.square().sum() <= enough:
            break
        product = multiply(direction)
        step = slope / (direction * product).sum()
        solution, residual = solution + step * direction, residual - step * product
        descent = precondition(residual)
        before, slope = slope, (residual * descent).sum()
        direction = descent + slope / before * direction
    return solution
