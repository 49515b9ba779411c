"""Signal-to-distortion ratios in decibels, in the dtype of the signals."""

import jax
import jax.numpy as jnp

from auralflow_core.audio.check import check_type
from auralflow_core.limits import LOUDEST
from auralflow_jax.losses.functional import check_shapes


def si_sdr(estimate: jax.Array, target: jax.Array, axis: tuple[int, ...] = (-2, -1)) -> jax.Array:
    """Scale-invariant signal-to-distortion ratio, `|a s|^2 / |a s - e|^2` with `a = <e, s> / <s, s>`.

    Le Roux, Wisdom, Erdogan and Hershey, "SDR - half-baked or well done?", ICASSP 2019, eq. 5; no mean is
    subtracted. An exact (scaled) estimate has +inf, one without anything of the target -inf.

    Args:
        estimate: (..., channels, samples).
        target: same shape.
        axis: the axes that make up one signal.

    Returns:
        dB, of the remaining axes' shape; NaN where the target is silent.

    Raises:
        InputError: integers.
        ValueError: the shapes differ.

    Example:
        >>> print(f"{si_sdr(jnp.array([[2.5, 0, 2, 8]]), jnp.array([[3, -0.5, 2, 7]])):.4f}")
        18.4030
    """
    _check(estimate, target)
    estimate, target = estimate / _excess(estimate, axis), target / _excess(target, axis)
    # The distortion as a difference of signals, not of energies: in float32 that is right to 0.001 dB up to 100 dB.
    scale = jnp.sum(estimate * target, axis, keepdims=True) / jnp.sum(target**2, axis, keepdims=True)
    scaled = scale * target
    return _decibel(jnp.sum(scaled**2, axis), jnp.sum((scaled - estimate) ** 2, axis))


def sdr(estimate: jax.Array, target: jax.Array, axis: tuple[int, ...] = (-2, -1)) -> jax.Array:
    """Signal-to-distortion ratio in its plain form, `|s|^2 / |s - e|^2`, with arguments as in `si_sdr`.

    Example:
        >>> print(f"{sdr(jnp.array([[2.5, 0, 2, 8]]), jnp.array([[3, -0.5, 2, 7]])):.4f}")
        16.1805
    """
    _check(estimate, target)
    factor = jnp.maximum(_excess(estimate, axis), _excess(target, axis))
    estimate, target = estimate / factor, target / factor
    energy = jnp.sum(target**2, axis)
    return jnp.where(energy > 0, _decibel(energy, jnp.sum((target - estimate) ** 2, axis)), jnp.nan)


def si_sdr_from_sums(dot: jax.Array, target_energy: jax.Array, estimate_energy: jax.Array) -> jax.Array:
    """Computes the SI-SDR of a signal that is only seen in pieces, from sums over all of them.

    The distortion is a difference of sums here: from float32 sums, 40 dB are right to 0.01 dB, 60 dB to 1 dB.

    Args:
        dot: sums of estimate * target, any shape.
        target_energy: sums of target^2, same shape.
        estimate_energy: sums of estimate^2, same shape.

    Returns:
        dB, same shape; NaN where the target is silent.
    """
    check_shapes(dot, target_energy, estimate_energy)
    projected = dot * (dot / target_energy)
    return _decibel(projected, jnp.maximum(estimate_energy - projected, 0))


def _check(estimate: jax.Array, target: jax.Array) -> None:
    check_type(estimate, "estimate")
    check_type(target, "target")
    check_shapes(estimate, target)


def _excess(signal: jax.Array, axis: tuple[int, ...]) -> jax.Array:
    """The factor by which signals exceed `LOUDEST`, from where on energies overflow in float32; at least 1."""
    return jnp.maximum(1, jax.lax.stop_gradient(jnp.max(jnp.abs(signal), axis, keepdims=True)) / LOUDEST)


def _decibel(signal: jax.Array, distortion: jax.Array) -> jax.Array:
    # A silent estimate has neither signal nor distortion: -inf, not the NaN of a silent target.
    return jnp.where(signal == 0, -jnp.inf, 10 * (jnp.log10(signal) - jnp.log10(distortion)))
