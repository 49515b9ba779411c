"""Multichannel Wiener filtering: refines estimated spectra together, so that they add up to the mixture.

For each target and bin, a spatial covariance matrix over all frames describes how the channels go together; for each
frame, a power describes how loud the target is. Both follow from the estimates, the filter from both, new estimates
from the filter, and so on: Nugraha, Liutkus and Vincent, "Multichannel audio source separation with deep neural
networks", IEEE/ACM TASLP 2016, with the covariance update of Liutkus, Badeau and Richard, "Kernel additive models for
source separation", IEEE TSP 2014. The constants, and the places where they act, are those of Open-Unmix.
"""

import functools

import jax
import jax.numpy as jnp

from auralflow_core.audio.check import check_type
from auralflow_jax.spectral import magnitude

__all__ = ["wiener"]


@functools.partial(jax.jit, static_argnames=("iterations", "softmask", "residual", "window"))
def wiener(
    magnitudes: jax.Array,
    mixture: jax.Array,
    iterations: int = 1,
    softmask: bool = False,
    residual: bool = False,
    window: int | None = None,
    scale_factor: float = 10.0,
    eps: float = 1e-10,
) -> jax.Array:
    """Refines the targets' estimated magnitudes to complex spectra.

    Differentiable. All targets are needed: the part of the mixture that no target explains is divided among them,
    unless `residual` makes it a separate target. With one target and without `residual` the result is nearly the
    mixture.

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
            f"bins, frames), got {magnitudes.shape} and {mixture.shape}."
        )
    if iterations < 0 or (window is not None and window < 1):
        raise ValueError(f"iterations >= 0 and window >= 1 are needed, got {iterations} and {window}.")
    # Real factors of complex spectra: the one promotion of types here, for users who have made promotion strict.
    with jax.numpy_dtype_promotion("standard"):
        estimates = _first_estimates(magnitudes, mixture, softmask, eps)
        if residual:
            rest = mixture[..., None, :, :, :] - estimates.sum(-4, keepdims=True)
            estimates = jnp.concatenate([estimates, rest], axis=-4)
        if iterations == 0:
            return estimates
        refine = functools.partial(_refine, iterations=iterations, scale_factor=scale_factor, eps=eps)
        frames = mixture.shape[-1]
        if window is None or window >= frames:
            return refine((estimates, mixture))
        stretches = jax.lax.map(refine, (_stretches(estimates, window), _stretches(mixture, window)))
        return jnp.moveaxis(stretches, 0, -2).reshape(*estimates.shape[:-1], -1)[..., :frames]


def _first_estimates(magnitudes: jax.Array, mixture: jax.Array, softmask: bool, eps: float) -> jax.Array:
    if softmask:
        share = magnitudes / (eps + magnitudes.sum(-4, keepdims=True))
        return share.astype(mixture.dtype) * mixture[..., None, :, :, :]
    size = magnitude(mixture)
    phase = jnp.where(size == 0, 1, mixture / jnp.where(size == 0, 1, size).astype(mixture.dtype))
    return magnitudes.astype(mixture.dtype) * phase[..., None, :, :, :]


def _stretches(spectrum: jax.Array, window: int) -> jax.Array:
    """(..., frames) to (stretches, ..., window); silence behind the last frame adds nothing to any sum."""
    spectrum = jnp.pad(spectrum, [(0, 0)] * (spectrum.ndim - 1) + [(0, -spectrum.shape[-1] % window)])
    return jnp.moveaxis(spectrum.reshape(*spectrum.shape[:-1], -1, window), -2, 0)


def _refine(spectra: tuple[jax.Array, jax.Array], iterations: int, scale_factor: float, eps: float) -> jax.Array:
    estimates, mixture = spectra
    # Each item of a batch has its own scale.
    scale = jnp.maximum(1, magnitude(mixture).max((-3, -2, -1), keepdims=True) / scale_factor).astype(mixture.dtype)
    mixture, estimates = mixture / scale, estimates / scale[..., None, :, :, :]
    for _ in range(iterations):
        # (..., targets, bins, frames), and (..., targets, channels, channels, bins)
        power = _square(estimates).mean(-3)
        covariance = jnp.einsum("...abt,...cbt->...acb", estimates, estimates.conj(), precision="highest")
        covariance = covariance / (eps + power.sum(-1))[..., None, None, :].astype(covariance.dtype)
        power = power.astype(covariance.dtype)
        mixed = jnp.einsum("...jft,...jacf->...acft", power, covariance, precision="highest")
        whitened = _solve(mixed, eps**0.5, mixture)
        estimates = power[..., None, :, :] * jnp.einsum(
            "...jacf,...cft->...jaft", covariance, whitened, precision="highest"
        )
    return estimates * scale[..., None, :, :, :]


def _square(spectrum: jax.Array) -> jax.Array:
    return jnp.real(spectrum) ** 2 + jnp.imag(spectrum) ** 2


def _solve(matrix: jax.Array, ridge: float, vector: jax.Array) -> jax.Array:
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
        taken = sum(jnp.real(pivots[k]) * _square(lower[a, k]) for k in range(a))
        pivot = jnp.maximum(jnp.real(matrix[..., a, a, :, :]) - taken, 0) + ridge
        pivots.append(pivot.astype(matrix.dtype))
        solution.append(vector[..., a, :, :] - sum(lower[a, k] * solution[k] for k in range(a)))
    solution = [row / pivot for row, pivot in zip(solution, pivots, strict=True)]
    for a in reversed(range(channels)):
        solution[a] = solution[a] - sum(lower[c, a].conj() * solution[c] for c in range(a + 1, channels))
    return jnp.stack(solution, axis=-3)
