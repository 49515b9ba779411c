"""Multichannel Wiener filtering: refines estimated spectra together, so that they add up to the mixture.

For each target and bin, a spatial covariance matrix over all frames describes how the channels go together; for each
frame, a power describes how loud the target is. Both follow from the estimates, the filter from both, new estimates
from the filter, and so on: Nugraha, Liutkus and Vincent, "Multichannel audio source separation with deep neural
networks", IEEE/ACM TASLP 2016, with the covariance update of Liutkus, Badeau and Richard, "Kernel additive models for
source separation", IEEE TSP 2014. The constants, and the places where they act, are those of Open-Unmix.
"""

import torch

from auralflow_core.audio.check import check_type

__all__ = ["wiener"]


def wiener(
    magnitudes: torch.Tensor,
    mixture: torch.Tensor,
    iterations: int = 1,
    softmask: bool = False,
    residual: bool = False,
    window: int | None = None,
    scale_factor: float = 10.0,
    eps: float = 1e-10,
) -> torch.Tensor:
    """Refines the targets' estimated magnitudes to complex spectra.

    Differentiable, and on the inputs' device. All targets are needed: the part of the mixture that no target explains
    is divided among them, unless `residual` makes it a separate target. With one target and without `residual` the
    result is nearly the mixture.

    Args:
        magnitudes: estimates >= 0, (..., targets, channels, bins, frames).
        mixture: complex spectrum, (..., channels, bins, frames).
        iterations: of the refinement; 0 returns the first estimates.
        softmask: the first estimates are the mixture times each target's share of all magnitudes, rather than the
            magnitudes with the mixture's phase.
        residual: add a target, the last: what the first estimates leave of the mixture.
        window: number of frames that are refined at a time, each stretch with separate covariances, in memory that
            does not grow with a song's length; default: all at once.
        scale_factor: a louder mixture is scaled down to this largest magnitude while it is refined.
        eps: powers below it, at that scale, count as silence.

    Returns:
        Complex spectra (..., targets, channels, bins, frames), with `residual` one target more.

    Raises:
        ValueError: shapes that do not fit each other, or sizes out of range.
        InputError: magnitudes that are no real numbers of floating point, or a mixture that is not complex.
    """
    check_type(magnitudes, "magnitudes")
    check_type(mixture, "mixture", "complex")
    if magnitudes.ndim < 4 or magnitudes.shape[:-4] + magnitudes.shape[-3:] != mixture.shape:
        raise ValueError(
            "wiener needs magnitudes (..., targets, channels, bins, frames) and a mixture (..., channels, "
            f"bins, frames), got {tuple(magnitudes.shape)} and {tuple(mixture.shape)}."
        )
    if iterations < 0 or (window is not None and window < 1):
        raise ValueError(f"iterations >= 0 and window >= 1 are needed, got {iterations} and {window}.")
    estimates = _first_estimates(magnitudes, mixture, softmask, eps)
    if residual:
        rest = mixture[..., None, :, :, :] - estimates.sum(-4, keepdim=True)
        estimates = torch.cat([estimates, rest], dim=-4)
    if iterations == 0:
        return estimates
    window = window or mixture.shape[-1]
    stretches = zip(estimates.split(window, -1), mixture.split(window, -1), strict=True)
    return torch.cat([_refine(*stretch, iterations, scale_factor, eps) for stretch in stretches], dim=-1)


def _first_estimates(magnitudes: torch.Tensor, mixture: torch.Tensor, softmask: bool, eps: float) -> torch.Tensor:
    if softmask:
        return magnitudes / (eps + magnitudes.sum(-4, keepdim=True)) * mixture[..., None, :, :, :]
    size = mixture.abs()
    phase = torch.where(size == 0, 1, mixture / torch.where(size == 0, 1, size))
    return magnitudes * phase[..., None, :, :, :]


def _refine(
    estimates: torch.Tensor, mixture: torch.Tensor, iterations: int, scale_factor: float, eps: float
) -> torch.Tensor:
    # Each item of a batch has its own scale.
    scale = (mixture.abs().amax((-3, -2, -1), keepdim=True) / scale_factor).clamp(min=1)
    mixture, estimates = mixture / scale, estimates / scale[..., None, :, :, :]
    for _ in range(iterations):
        # (..., targets, bins, frames), and (..., targets, channels, channels, bins)
        power = _square(estimates).mean(-3)
        covariance = torch.einsum("...abt,...cbt->...acb", estimates, estimates.conj())
        covariance = covariance / (eps + power.sum(-1))[..., None, None, :]
        mixed = torch.einsum("...jft,...jacf->...acft", power.to(mixture.dtype), covariance)
        whitened = _solve(mixed, eps**0.5, mixture)
        estimates = power[..., None, :, :] * torch.einsum("...jacf,...cft->...jaft", covariance, whitened)
    return estimates * scale[..., None, :, :, :]


def _square(spectrum: torch.Tensor) -> torch.Tensor:
    return spectrum.real**2 + spectrum.imag**2


def _solve(matrix: torch.Tensor, ridge: float, vector: torch.Tensor) -> torch.Tensor:
    """Solves (matrix + ridge I) z = vector for Hermitian matrices (..., channels, channels, bins, frames).

    By elimination, which keeps what lies in the matrix's range right in float32 where the matrix is nearly singular,
    as it is wherever all targets sit in one place; an inverse by Cramer's rule does not.
    """
    channels = matrix.shape[-4]
    pivots, lower, solution = [], {}, []
    # L D L^H, row by row; every pivot of a positive matrix plus the ridge is at least the ridge.
    for a in range(channels):
        for c in range(a):
            inner = sum(lower[a, k] * pivots[k] * lower[c, k].conj() for k in range(c))
            lower[a, c] = (matrix[..., a, c, :, :] - inner) / pivots[c]
        taken = sum(pivots[k] * _square(lower[a, k]) for k in range(a))
        pivots.append((matrix[..., a, a, :, :].real - taken).clamp(min=0) + ridge)
        solution.append(vector[..., a, :, :] - sum(lower[a, k] * solution[k] for k in range(a)))
    solution = [row / pivot for row, pivot in zip(solution, pivots, strict=True)]
    for a in reversed(range(channels)):
        solution[a] = solution[a] - sum(lower[c, a].conj() * solution[c] for c in range(a + 1, channels))
    return torch.stack(solution, dim=-3)
