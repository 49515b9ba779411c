"""Estimates that add up to the mixture."""

from typing import Any, TypeVar

from auralflow_core.audio.check import check_signals

Array = TypeVar("Array", bound=Any)  # of numpy, jax or torch: the arithmetic is the same


def mixture_consistency(estimates: Array, mixture: Array, by_energy: bool = False) -> Array:
    """Divides the rest of the mixture among the estimates, so that they add up to it; differentiable.

    With equal shares the change has the smallest possible sum of squares. Wisdom, Hershey,
    Wilson, Thorpe, Chinen, Patton and Saurous, "Differentiable consistency constraints for improved deep speech
    enhancement", ICASSP 2019, eq. 4 and 5.

    The targets must make up the whole mixture; otherwise the rest is a separate source, the residual.

    Args:
        estimates: (..., targets, channels, samples), of numpy, jax or torch.
        mixture: (..., channels, samples), of the same.
        by_energy: a loud estimate takes a larger part of the rest than a quiet one; default: equal parts.

    Returns:
        Estimates of the same shape and type, whose sum is the mixture, up to the rounding of that type.

    Raises:
        ValueError: shapes that do not fit each other.
        InputError: integers, or a transposed mixture.

    Example:
        >>> import numpy as np
        >>> mixture_consistency(np.array([[[1.0, 2.0]], [[3.0, 4.0]]]), np.array([[5.0, 5.0]])).tolist()
        [[[1.5, 1.5]], [[3.5, 3.5]]]
    """
    check_signals(estimates, "estimates")
    check_signals(mixture, "mixture")
    if len(estimates.shape) < 3 or estimates.shape[:-3] + estimates.shape[-2:] != mixture.shape:
        raise ValueError(
            "mixture_consistency needs estimates (..., targets, channels, samples) and a mixture (..., "
            f"channels, samples), got {tuple(estimates.shape)} and {tuple(mixture.shape)}."
        )
    rest = mixture[..., None, :, :] - estimates.sum(-3)[..., None, :, :]
    share = 1 / estimates.shape[-3]
    if by_energy:
        energy = (estimates**2).mean((-2, -1))[..., None, None] + 1e-12  # silent estimates get equal parts
        share = energy / energy.sum(-3)[..., None, :, :]
    return estimates + share * rest
