"""Training losses: pure functions from arrays to one scalar, the mean.

Shapes must be equal, nothing is broadcast; integers are refused. Every loss has a finite value and gradient for
silence, and keeps the dtype that goes in; float16 and bfloat16 are computed in float32, as float16 cannot hold the
floors below.

Values are not read, as nothing can be while a function is compiled: beyond `LOUDEST` of `auralflow_core.limits` their
squares leave the range of float32 sooner or later, and a loss is infinite or NaN, as any sum of squares is. Training
stops there and names the tracks.
"""

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Literal

import jax
import jax.numpy as jnp

from auralflow_core.audio.check import check_type
from auralflow_core.errors import InputError, closest
from auralflow_jax import spectral

# Mean square below which a signal counts as silence: -80 dBFS.
SILENT_POWER = 1e-8
# Added to the squared norm of a spectrum before something is divided by it.
NORM_FLOOR = 1e-8
# Magnitude to which spectra are raised before a logarithm is taken of them: a power of 1e-7.
LOG_FLOOR = 1e-7**0.5

# (num_fft, hop_length, window_size) in samples; table 1 of Yamamoto et al.
RESOLUTIONS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))


def check_shapes(*arrays: jax.Array) -> None:
    """Raises a ValueError unless all shapes are equal."""
    if len({array.shape for array in arrays}) > 1:
        raise ValueError(f"Shape mismatch: got {' and '.join(str(array.shape) for array in arrays)}.")


def l1_loss(estimate: jax.Array, target: jax.Array) -> jax.Array:
    """Mean absolute difference of two arrays of one shape."""
    estimate, target, dtype = _prepare(estimate=estimate, target=target)
    return jnp.mean(jnp.abs(estimate - target)).astype(dtype)


def l2_loss(estimate: jax.Array, target: jax.Array) -> jax.Array:
    """Mean squared difference of two arrays of one shape."""
    estimate, target, dtype = _prepare(estimate=estimate, target=target)
    return jnp.mean((estimate - target) ** 2).astype(dtype)


ELEMENTWISE: dict[str, Callable[[jax.Array, jax.Array], jax.Array]] = {"l1": l1_loss, "l2": l2_loss}


def elementwise(loss_fn: str) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """Returns one of `ELEMENTWISE` by its name; an unknown one is an InputError."""
    if loss_fn not in ELEMENTWISE:
        raise InputError(f"unknown loss_fn {loss_fn!r}; {closest(str(loss_fn), ELEMENTWISE)}")
    return ELEMENTWISE[loss_fn]


def mask_loss(
    mask: jax.Array, target_magnitude: jax.Array, mixture_magnitude: jax.Array, loss_fn: Literal["l1", "l2"] = "l1"
) -> jax.Array:
    """Distance of a mask from the ideal ratio mask min(|Y| / |X|, 1), which is 0 where |Y| is.

    Args:
        mask: estimated mask, (batch, targets, channels, bins, frames).
        target_magnitude: |Y|, same shape.
        mixture_magnitude: |X|, same shape.
        loss_fn: `l1` or `l2`.

    Raises:
        ValueError: shapes differ, or an unknown `loss_fn`.
    """
    loss = elementwise(loss_fn)
    wide, target_magnitude, mixture_magnitude, _ = _prepare(
        mask=mask, target_magnitude=target_magnitude, mixture_magnitude=mixture_magnitude
    )
    louder = target_magnitude >= mixture_magnitude
    ratio = target_magnitude / jnp.where(louder, 1, mixture_magnitude)
    ideal = jnp.where(louder, (target_magnitude > 0).astype(ratio.dtype), ratio)
    return loss(wide, jax.lax.stop_gradient(ideal)).astype(mask.dtype)


def component_loss(
    filtered_src: jax.Array,
    target_src: jax.Array,
    filtered_res: jax.Array,
    target_res: jax.Array,
    alpha: float = 0.2,
    beta: float = 0.8,
    n_components: Literal[2, 3] = 2,
) -> jax.Array:
    """Components loss of Xu, Elshamy, Zhao and Fingscheidt, "Components loss for neural networks in mask-based
    speech enhancement", 2019.

    The mask acts on the target and on the residual separately: the target should pass, the residual vanish. With two
    components `(1 - alpha) mean((fs - ts)^2) + alpha mean(fr^2)`. With three the weights are `1 - alpha - beta`,
    `alpha`, and `beta` for the residual's colour, `mean((fr / |fr| - r / |r|)^2)`, where the norms run over
    everything but the batch.

    Args:
        filtered_src: mask * |target|, (batch, ...).
        target_src: |target|, same shape.
        filtered_res: mask * |residual|, same shape.
        target_res: |residual|, same shape.
        alpha: weight of the residual's energy.
        beta: weight of the residual's colour; unused with two components.
        n_components: 2 or 3.

    Raises:
        ValueError: shapes differ, weights outside [0, 1], or `alpha + beta` leaves nothing for the target.
    """
    check_components(alpha, beta, n_components)
    *arrays, dtype = _prepare(
        filtered_src=filtered_src, target_src=target_src, filtered_res=filtered_res, target_res=target_res
    )
    filtered_src, target_src, filtered_res, target_res = arrays
    source, noise = l2_loss(filtered_src, target_src), jnp.mean(filtered_res**2)
    if n_components == 2:
        return ((1 - alpha) * source + alpha * noise).astype(dtype)
    colour = l2_loss(_direction(filtered_res), _direction(target_res))
    return ((1 - alpha - beta) * source + alpha * noise + beta * colour).astype(dtype)


def check_components(alpha: float, beta: float, n_components: int) -> None:
    """Raises an InputError unless these are settings of `component_loss`."""
    if n_components not in (2, 3):
        raise InputError(f"n_components must be 2 or 3, got {n_components}")
    if not 0 <= alpha <= 1 or not 0 <= beta <= 1:
        raise InputError(f"alpha and beta must lie between 0 and 1, got {alpha} and {beta}")
    if n_components == 3 and alpha + beta >= 1:
        raise InputError(f"alpha + beta must be less than 1 with 3 components, got {alpha} + {beta}")


def _direction(array: jax.Array) -> jax.Array:
    """Each batch item divided by its norm; silence stays silence."""
    square = jnp.sum(array**2, axis=tuple(range(1, array.ndim)), keepdims=True)
    return array / jnp.sqrt(square + NORM_FLOOR)


def si_sdr_loss(estimate: jax.Array, target: jax.Array) -> jax.Array:
    """Minus the scale-invariant signal-to-distortion ratio in dB (Le Roux et al., "SDR - half-baked or well
    done?", 2019), averaged; channels and samples of one target are one signal. No mean is subtracted.

    `SILENT_POWER` is added to the mean squares: `a = <e, s> / (<s, s> + p)` scales the target, and the ratio is
    `(|a s|^2 + p) / (|a s - e|^2 + p)`. So nothing exceeds -10 log10(p / power) dB; for a silent target the loss is
    the estimate's level above `p` in dB, 0 when it is silent too; and a silent estimate scores 0 dB.

    Args:
        estimate: (batch, targets, channels, samples), about [-1, 1].
        target: same shape.

    Returns:
        Scalar, in dB; lower is better.
    """
    estimate, target, dtype = _prepare(estimate=estimate, target=target)
    scale = _mean_product(estimate, target) / (_mean_product(target, target) + SILENT_POWER)
    scaled = scale * target
    distortion = scaled - estimate
    ratio = (_mean_product(scaled, scaled) + SILENT_POWER) / (_mean_product(distortion, distortion) + SILENT_POWER)
    return jnp.mean(-10 * jnp.log10(ratio)).astype(dtype)


def _mean_product(left: jax.Array, right: jax.Array) -> jax.Array:
    return jnp.mean(left * right, axis=(-2, -1), keepdims=True)


def multi_resolution_stft_loss(
    estimate: jax.Array, target: jax.Array, resolutions: Sequence[tuple[int, int, int]] = RESOLUTIONS
) -> jax.Array:
    """Spectral convergence plus L1 distance of log magnitudes, averaged over several resolutions (Yamamoto, Song
    and Kim, "Parallel WaveGAN", 2020, eq. 4 to 6).

    The norms of the spectral convergence `| |S| - |E| | / | |S| |` run over the whole batch, so that a silent
    target counts by its error and does not divide by nothing.

    Args:
        estimate: (..., samples), longer than half of the longest transform.
        target: same shape.
        resolutions: (num_fft, hop_length, window_size) of each, in samples.
    """
    estimate, target, dtype = _prepare(estimate=estimate, target=target)
    total = functools.reduce(operator.add, (_stft_distance(estimate, target, sizes) for sizes in resolutions))
    return (total / len(resolutions)).astype(dtype)


def _stft_distance(estimate: jax.Array, target: jax.Array, sizes: tuple[int, int, int]) -> jax.Array:
    # Below the floor the logarithm's gradient would grow without bound.
    ours, theirs = (
        jnp.maximum(spectral.magnitude(spectral.stft(audio, *sizes)), LOG_FLOOR) for audio in (estimate, target)
    )
    convergence = jnp.sqrt((jnp.sum((theirs - ours) ** 2) + NORM_FLOOR) / jnp.sum(theirs**2))
    return convergence + l1_loss(jnp.log(ours), jnp.log(theirs))


def kl_div_loss(mu: jax.Array, sigma: jax.Array) -> jax.Array:
    """Mean over elements of the Kullback-Leibler divergence of N(mu, sigma^2) from N(0, 1),
    `(mu^2 + sigma^2 - ln sigma^2 - 1) / 2` (Kingma and Welling, "Auto-encoding variational Bayes", 2013,
    appendix B), with sigma^2 floored at 1e-12.

    Args:
        mu: means, any shape.
        sigma: standard deviations, same shape.
    """
    mu, sigma, dtype = _prepare(mu=mu, sigma=sigma)
    variance = jnp.maximum(sigma**2, 1e-12)
    return (jnp.mean(mu**2 + variance - jnp.log(variance) - 1) / 2).astype(dtype)


def _prepare(**arrays: jax.Array) -> tuple:
    """Returns arrays of one shape in float32 at least, and then the dtype that they had."""
    for name, array in arrays.items():
        check_type(array, name)
    check_shapes(*arrays.values())
    with jax.numpy_dtype_promotion("standard"):  # on purpose, also where a program is strict about it
        kept = functools.reduce(jnp.promote_types, (array.dtype for array in arrays.values()))
        wide = jnp.promote_types(kept, jnp.float32)
    return *(array.astype(wide) for array in arrays.values()), kept
