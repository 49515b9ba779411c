"""BSSEval version 4: what is wrong with an estimate, told apart as space, interference and artifacts.

Filters of 512 taps, one for every pair of channels, map the true sources to the estimate as well as they can, by
least squares over the whole song. What filters of the target's own image explain beyond the image is spatial
distortion, what filters of the other sources add is interference, the rest is artifacts; the ratios of their energies
are taken frame by frame. Stöter, Liutkus and Ito, "The 2018 Signal Separation Evaluation Campaign", LVA/ICA 2018;
Vincent, Gribonval and Févotte, "Performance measurement in blind audio source separation", IEEE TASLP 2006.

Only energies are asked for, so nothing is filtered: by Parseval they are sums over spectra. The normal equations are
made of correlations, which are sums over short blocks, and factored once for all estimates. Both need float64 (the
condition number of a real voice's equations is about 5e8), which is switched on in here alone.
"""

import contextlib
import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

BLOCK = 1 << 17  # samples of each channel that are correlated by one call
FRAMES = 4  # rated by one call
RIDGE = 1e-13  # added to the normal equations' diagonal, as a share of it
ITERATIONS = 8  # of conjugate gradients

# (sources, channels, samples), as one array or an array for each; read by blocks, so that memory-mapped files will do
Signals = np.ndarray | Sequence[np.ndarray]


class BssEval(NamedTuple):
    """Figures in dB, float64, each (targets, frames)."""

    sdr: np.ndarray  # signal to distortion: of the image against all that differs from it; no filter is forgiven
    sir: np.ndarray  # signal to interference
    isr: np.ndarray  # image to spatial distortion
    sar: np.ndarray  # signal to artifacts


def bss_eval(
    references: Signals, estimates: Signals, window: int = 44100, hop: int = 44100, taps: int = 512
) -> BssEval:
    """Rates estimates as museval does in its mode v4, without a search for permutations.

    Args:
        references: the images of all sources, (sources, channels, samples).
        estimates: of the same shape; or of the first sources only, where the others merely interfere.
        window: samples of a frame; SiSEC's is one second. A signal that is shorter is one frame.
        hop: samples from frame to frame. What follows the last whole frame is not rated, but explained.
        taps: of the filters.

    Returns:
        A figure for each target and frame: NaN for all targets where any reference or estimate is silent (where its
        channels sum to zero throughout the frame), inf where there is nothing of the distortion.

    Raises:
        ValueError: shapes that do not fit each other, or sizes out of range.

    Example:
        scores = bss_eval(truths, estimates, window=rate, hop=rate)
        np.nanmedian(scores.sdr, axis=1)  # of each target
    """
    return References(references, window, hop, taps).rate(estimates)


class References:
    """True sources, prepared for any number of estimates of them; arguments as `bss_eval` takes them."""

    def __init__(self, references: Signals, window: int = 44100, hop: int = 44100, taps: int = 512):
        shapes = {np.shape(source) for source in references}
        if len(shapes) != 1 or len(shape := min(shapes)) != 2 or 0 in shape:
            raise ValueError("references must be (sources, channels, samples), got sources of shapes "
                             f"{sorted(shapes)}.")
        if min(window, hop, taps) < 1:
            raise ValueError(f"window, hop and taps must be at least 1, got {window}, {hop} and {taps}.")
        self._references, self._shape, self._taps = references, shape, taps
        self._window, self._hop = min(window, shape[-1]), hop
        with _float64():
            gram = _gram(_correlations(references, references, taps))
            self._all, size = _Equations(gram), len(gram) // len(references)
            self._own = [_Equations(gram[start:start + size, start:start + size])
                         for start in range(0, len(gram), size)]

    def rate(self, estimates: Signals) -> BssEval:
        """The figures of estimates, of all sources or of the first ones, (targets, channels, samples)."""
        targets, sources, samples = len(estimates), len(self._references), self._shape[-1]
        if not 1 <= targets <= sources or any(np.shape(estimate) != self._shape for estimate in estimates):
            raise ValueError(f"estimates must be {sources} or fewer of shape {self._shape}, got "
                             f"{[np.shape(estimate) for estimate in estimates]}.")
        count = 1 + (samples - self._window) // self._hop
        with _float64():
            filters = self._filters(estimates)
            figures = np.empty((4, targets, count))
            for first in range(0, count, FRAMES):
                starts = self._hop * np.arange(first, first + FRAMES)
                frames = (_frames(signals, starts, self._window) for signals in (self._references, estimates))
                figures[..., first:first + FRAMES] = _ratios(*frames, *filters)[..., :count - first]
        return BssEval(*figures)

    def _filters(self, estimates: np.ndarray) -> tuple[jax.Array, jax.Array]:
        """Spectra of the filters that make up the estimates of all sources, and of those of each one's own source.

        Returns:
            (sources, channels, targets, channels, bins) and (targets, channels, channels, bins).
        """
        correlations = _correlations(self._references, estimates, self._taps)
        size = _fast_length(self._window + self._taps - 1)
        parts = [slice(target, target + 1) for target in range(len(estimates))]
        own = [_filter_spectra(equations, correlations[part, :, part], size)[0, :, 0]
               for equations, part in zip(self._own, parts, strict=False)]
        return _filter_spectra(self._all, correlations, size), jnp.stack(own)


@contextlib.contextmanager
def _float64():
    """Switches float64 on, on the CPU where the accelerator has none: TPUs know no complex128."""
    device = jax.local_devices(backend="cpu")[0] if jax.default_backend() == "tpu" else None
    with jax.enable_x64(True), jax.default_device(device):
        yield


class _Equations:
    """Normal equations, factored.

    Where two channels are equal, or a band is empty, the matrix is singular and only what the filters yield is
    determined, not the filters. A small ridge makes it definite, and conjugate gradients that are preconditioned with
    the result take the ridge's effect back out.
    """

    def __init__(self, gram: jax.Array):
        self._gram, ridge = gram, RIDGE
        self._factor = _factor(gram, ridge)
        while jnp.isnan(self._factor[-1, -1]) and ridge < 1:  # not definite yet
            ridge *= 10
            self._factor = _factor(gram, ridge)

    def __len__(self) -> int:
        return len(self._gram)

    def solve(self, right: jax.Array) -> jax.Array:
        """For right-hand sides (equations, columns)."""
        return _conjugate_gradients(self._gram, self._factor, right)


def _correlations(left: Signals, right: Signals, taps: int) -> jax.Array:
    """Sums over n of left[n] right[n + lag], for the lags 0 to taps - 1.

    Args:
        left: (sources, channels, samples).
        right: (targets, channels, samples).
        taps: how many lags.

    Returns:
        (sources, channels, targets, channels, taps), float64.
    """
    size = 1 << (4 * taps - 1).bit_length()
    step = size + 1 - taps
    span = max(1, BLOCK // step) * step
    channels, samples = left[0].shape
    total = jnp.zeros((len(left), channels, len(right), channels, size // 2 + 1), jnp.complex128)
    for start in range(0, samples, span):
        total = _add_correlations(total, _read(left, start, span), _read(right, start, span + taps - 1), step)
        total.block_until_ready()  # or the blocks of a whole song would wait in memory for their turns
    return jnp.fft.irfft(total, size)[..., :taps]


@functools.partial(jax.jit, static_argnames="step", donate_argnums=0)
def _add_correlations(total: jax.Array, left: jax.Array, right: jax.Array, step: int) -> jax.Array:
    """Adds the cross spectra of (sources, channels, span) and (targets, channels, span + taps - 1), by steps."""
    size = 2 * (total.shape[-1] - 1)

    def add(total, start):
        # `step` samples on the left, all that lie up to `taps` - 1 behind them on the right: nothing wraps around.
        one = jnp.fft.rfft(jax.lax.dynamic_slice_in_dim(left, start, step, -1), size)
        other = jnp.fft.rfft(jax.lax.dynamic_slice_in_dim(right, start, size, -1))
        return total + one[:, :, None, None].conj() * other, None

    return jax.lax.scan(add, total, jnp.arange(0, left.shape[-1], step))[0]


@jax.jit
def _gram(correlations: jax.Array) -> jax.Array:
    """The inner products of all sources' channels at all delays; Toeplitz for each pair of channels."""
    sources, channels, *_, taps = correlations.shape
    backward = correlations.transpose(2, 3, 0, 1, 4)[..., :0:-1]
    lags = jnp.concatenate([backward, correlations], axis=-1)
    delay = jnp.arange(taps)
    gram = lags[..., delay[:, None] - delay + taps - 1]  # (sources, channels, sources, channels, taps, taps)
    return gram.transpose(0, 1, 4, 2, 3, 5).reshape(sources * channels * taps, -1)


@jax.jit
def _factor(gram: jax.Array, ridge: float) -> jax.Array:
    energy = jnp.diagonal(gram)
    # A silent channel's rows are zeros, whose filters any number makes zeros.
    ridges = jnp.where(energy == 0, 1, ridge * energy)
    return jnp.linalg.cholesky(gram + jnp.diag(ridges), symmetrize_input=False)


@jax.jit
def _conjugate_gradients(gram: jax.Array, factor: jax.Array, right: jax.Array) -> jax.Array:
    return jax.scipy.sparse.linalg.cg(lambda x: gram @ x, right, tol=0.0, maxiter=ITERATIONS,
                                      M=lambda x: jax.scipy.linalg.cho_solve((factor, True), x))[0]


def _filter_spectra(equations: _Equations, correlations: jax.Array, size: int) -> jax.Array:
    """Least-squares filters for correlations (sources, channels, targets, channels, taps), over `size` samples."""
    moved = jnp.moveaxis(correlations, -1, 2)
    filters = equations.solve(moved.reshape(len(equations), -1)).reshape(moved.shape)
    return jnp.fft.rfft(jnp.moveaxis(filters, 2, -1), size)


@jax.jit
def _ratios(references: jax.Array, estimates: jax.Array, filters: jax.Array, own_filters: jax.Array) -> jax.Array:
    """The four figures of frames.

    Args:
        references: (frames, sources, channels, window).
        estimates: (frames, targets, channels, window).
        filters: spectra, (sources, channels, targets, channels, bins).
        own_filters: spectra, (targets, channels, channels, bins).

    Returns:
        SDR, SIR, ISR and SAR, (4, targets, frames).
    """
    size = 2 * (filters.shape[-1] - 1)
    truth, estimate = (jnp.fft.rfft(signals, size) for signals in (references, estimates))
    own = truth[:, :estimates.shape[1]]
    image = sum(own[:, :, channel, None] * own_filters[:, channel] for channel in range(own.shape[2]))
    explained = sum(truth[:, source, channel, None, None] * filters[source, channel]
                    for source, channel in np.ndindex(truth.shape[1:3]))
    ratios = [_decibel(own, estimate - own), _decibel(image, explained - image), _decibel(own, image - own),
              _decibel(explained, estimate - explained)]
    silent = [(signals.sum(2) == 0).all(-1).any(-1) for signals in (references, estimates)]
    return jnp.where(silent[0] | silent[1], jnp.nan, jnp.stack(ratios).swapaxes(1, 2))


def _decibel(signal: jax.Array, distortion: jax.Array) -> jax.Array:
    """Ratio of the energies of spectra (frames, targets, channels, bins), which all were real signals of one length."""
    signal, distortion = _energy(signal), _energy(distortion)
    return jnp.where(distortion == 0, jnp.inf, 10 * jnp.log10(signal / distortion))


def _energy(spectra: jax.Array) -> jax.Array:
    power = jnp.real(spectra) ** 2 + jnp.imag(spectra) ** 2
    # All but the first and the last bin stand for two.
    return (2 * power.sum(-1) - power[..., 0] - power[..., -1]).sum(-1)


def _frames(signals: Signals, starts: np.ndarray, window: int) -> np.ndarray:
    """(frames, sources, channels, window) of (sources, channels, samples)."""
    return np.stack([_read(signals, start, window) for start in starts])


def _read(signals: Signals, start: int, size: int) -> np.ndarray:
    """Samples from `start` on, zeros behind the end, float64."""
    piece = np.stack([source[:, start:start + size] for source in signals]).astype(np.float64)
    return np.pad(piece, [(0, 0), (0, 0), (0, size - piece.shape[-1])])


def _fast_length(samples: int) -> int:
    """The next even length whose transform is quick: a product of 2, 3 and 5."""
    half = -(-samples // 2)
    odd = [3**a * 5**b for a in range(half.bit_length()) for b in range(half.bit_length()) if 3**a * 5**b <= half]
    return 2 * min(factor << (-(-half // factor) - 1).bit_length() for factor in odd)
