"""BSSEval version 4: the spatial distortion, interference and artifacts of an estimate, as ratios in decibels.

Filters of 512 taps, one for every pair of channels, map the true sources to the estimate as well as they can, by
least squares over the whole song. The part that filters of the target's own image explain beyond the image is spatial
distortion, the part that filters of the other sources add is interference, the rest is artifacts; the ratios of their
energies are taken frame by frame. Stöter, Liutkus and Ito, "The 2018 Signal Separation Evaluation Campaign", LVA/ICA
2018; Vincent, Gribonval and Févotte, "Performance measurement in blind audio source separation", IEEE TASLP 2006.

Only energies are needed, so nothing is filtered: by Parseval's theorem they are sums over spectra. The normal equations
are made of correlations, which are sums over short blocks, and factored once for all estimates. Both need float64 (the
condition number of a real voice's equations is about 5e8).

Where all sources leave a band empty, down to the rounding of floating point, the filters are arbitrary in that band;
the edges of frames reach into it, and SIR, ISR and SAR mean little, here and in museval. SDR takes no filter.
"""

import contextlib
import functools
import operator
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from auralflow_core.audio.check import check_layout, check_values
from auralflow_torch.metrics.toeplitz import Equations

BLOCK = 1 << 17  # samples of each channel that are correlated at a time
FRAMES = 4  # scored at a time

# (sources, channels, samples), as one array or one for each source; read by blocks, so that memory-mapped files work
Signals = np.ndarray | Tensor | Sequence[np.ndarray] | Sequence[Tensor]


class BssEval(NamedTuple):
    """Scores in dB, float64, each (targets, frames)."""

    sdr: np.ndarray  # signal to distortion: the image against all that differs from it, filtered versions included
    sir: np.ndarray  # signal to interference
    isr: np.ndarray  # image to spatial distortion
    sar: np.ndarray  # signal to artifacts


def bss_eval(
    references: Signals, estimates: Signals, window: int = 44100, hop: int = 44100, taps: int = 512
) -> BssEval:
    """Scores estimates as museval does in its mode v4, without a search for permutations.

    Args:
        references: the images of all sources, (sources, channels, samples).
        estimates: of the same shape; or of the first sources only, when the others only interfere.
        window: samples of a frame; SiSEC's is one second. A signal that is shorter is one frame.
        hop: samples from frame to frame. The samples behind the last whole frame are not scored; the filters fit
            them too.
        taps: of the filters.

    Returns:
        A score for each target and frame, NaN for all targets where any reference or estimate is silent (its
        channels sum to zero throughout the frame), inf where the distortion is zero.

    Raises:
        ValueError: shapes that do not fit each other, or sizes out of range.
        InputError: integers, more than 64 channels, NaN or infinity.

    Example:
        scores = bss_eval(references, estimates, window=sample_rate, hop=sample_rate)
        np.nanmedian(scores.sdr, axis=1)  # one for each target
    """
    return References(references, window, hop, taps).score(estimates)


class References:
    """True sources, prepared for any number of estimates of them; arguments as in `bss_eval`."""

    def __init__(self, references: Signals, window: int = 44100, hop: int = 44100, taps: int = 512):
        shapes = {np.shape(source) for source in references}
        if len(shapes) != 1 or len(shape := min(shapes)) != 2 or 0 in shape:
            raise ValueError(
                f"references must be (sources, channels, samples), got sources of shapes {sorted(shapes)}."
            )
        for source in references:
            check_layout(source, "a reference")
        if min(window, hop, taps) < 1:
            raise ValueError(f"window, hop and taps must be at least 1, got {window}, {hop} and {taps}.")
        self._references, self._shape, self._taps = references, shape, taps
        self._window, self._hop = min(window, shape[-1]), hop
        with _one_thread():
            correlations = _correlations(references, references, taps)
            self._all = _equations(correlations)
            self._own = [
                _equations(correlations[source : source + 1, :, source : source + 1])
                for source in range(len(references))
            ]

    def score(self, estimates: Signals) -> BssEval:
        """Scores estimates of all sources or of the first ones, (targets, channels, samples)."""
        targets, sources, samples = len(estimates), len(self._references), self._shape[-1]
        if not 1 <= targets <= sources or any(np.shape(estimate) != self._shape for estimate in estimates):
            raise ValueError(
                f"estimates must be {sources} or fewer of shape {self._shape}, got "
                f"{[np.shape(estimate) for estimate in estimates]}."
            )
        for estimate in estimates:
            check_layout(estimate, "an estimate")
        starts = self._hop * np.arange(1 + (samples - self._window) // self._hop)
        scores = np.full((4, targets, len(starts)), np.nan)
        signals = (self._references, estimates)
        heard = np.flatnonzero([not any(_silent(part, start, self._window) for part in signals) for start in starts])
        with _one_thread():
            filters = self._filters(estimates)
            for first in range(0, len(heard), FRAMES):
                batch = heard[first : first + FRAMES]
                true, estimated = (
                    torch.stack([_read(part, start, self._window) for start in starts[batch]]) for part in signals
                )
                scores[..., batch] = _ratios(true, estimated, *filters).numpy()
        return BssEval(*scores)

    def _filters(self, estimates: Signals) -> tuple[Tensor, Tensor]:
        """Computes the spectra of the filters from all sources to the estimates, and from each estimate's own source.

        Returns:
            (sources, channels, targets, channels, bins) and (targets, channels, channels, bins).
        """
        correlations = _correlations(self._references, estimates, self._taps)
        size = _fast_length(self._window + self._taps - 1)
        own = [
            _filters(self._own[target], correlations[target : target + 1, :, target : target + 1], size)[0, :, 0]
            for target in range(len(estimates))
        ]
        return _filters(self._all, correlations, size), torch.stack(own)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Computes on one thread: in thousands of small operations, threads that wait for each other cost more than they
    save, up to 30 times as much on a busy machine.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _equations(correlations: Tensor) -> Equations:
    """Builds the normal equations of filters; singular where two channels are equal, or a band is empty.

    Args:
        correlations: of all sources with all, (sources, channels, sources, channels, taps).
    """
    sources, channels, *_, taps = correlations.shape
    return Equations(correlations.movedim(-1, 0).reshape(taps, sources * channels, -1))


def _filters(equations: Equations, correlations: Tensor, size: int) -> Tensor:
    """Computes the spectra over `size` samples of the filters that make signals of the sources.

    Args:
        equations: of the sources.
        correlations: of the sources with the signals, (sources, channels, targets, channels, taps).
        size: even.

    Returns:
        (sources, channels, targets, channels, bins).
    """
    right = correlations.movedim(-1, 0)
    filters = equations.solve(right.reshape(len(right), right.shape[1] * right.shape[2], -1))
    return torch.fft.rfft(filters.reshape(right.shape).movedim(0, -1), size)


def _correlations(left: Signals, right: Signals, taps: int) -> Tensor:
    """Computes the sums over n of left[n] right[n + lag], for the lags 0 to taps - 1.

    Args:
        left: (sources, channels, samples).
        right: (targets, channels, samples).
        taps: number of lags.

    Returns:
        (sources, channels, targets, channels, taps), float64.
    """
    size = 1 << (4 * taps - 1).bit_length()
    step = size + 1 - taps
    span = max(1, BLOCK // step) * step
    channels, samples = left[0].shape
    total = torch.zeros(len(left), channels, len(right), channels, size // 2 + 1, dtype=torch.complex128)
    for start in range(0, samples, span):
        # `step` samples on the left, all up to `taps` - 1 behind them on the right: nothing wraps around.
        one = torch.fft.rfft(_read(left, start, span).unfold(-1, step, step), size)
        other = torch.fft.rfft(_read(right, start, span + taps - 1).unfold(-1, size, step))
        total += torch.einsum("scnf,tdnf->sctdf", one.conj(), other)
    return torch.fft.irfft(total, size)[..., :taps]


def _ratios(references: Tensor, estimates: Tensor, filters: Tensor, own_filters: Tensor) -> Tensor:
    """Computes the four scores of frames.

    Args:
        references: (frames, sources, channels, window).
        estimates: (frames, targets, channels, window).
        filters: spectra, (sources, channels, targets, channels, bins).
        own_filters: spectra, (targets, channels, channels, bins).

    Returns:
        SDR, SIR, ISR and SAR, (4, targets, frames).
    """
    size = 2 * (filters.shape[-1] - 1)
    reference, estimate = (torch.fft.rfft(signals, size) for signals in (references, estimates))
    own = reference[:, : estimates.shape[1]]
    image = functools.reduce(
        operator.add, (own[:, :, channel, None] * own_filters[:, channel] for channel in range(own.shape[2]))
    )
    explained = functools.reduce(
        operator.add,
        (
            reference[:, source, channel, None, None] * filters[source, channel]
            for source, channel in np.ndindex(reference.shape[1:3])
        ),
    )
    ratios = [
        _decibel(own, estimate - own),
        _decibel(image, explained - image),
        _decibel(own, image - own),
        _decibel(explained, estimate - explained),
    ]
    return torch.stack(ratios).swapaxes(1, 2)


def _decibel(signal: Tensor, distortion: Tensor) -> Tensor:
    """Ratio of the energies of spectra (frames, targets, channels, bins) of real signals of one length."""
    signal, distortion = _energy(signal), _energy(distortion)
    return (10 * (signal / distortion).log10()).masked_fill(distortion == 0, torch.inf)


def _energy(spectra: Tensor) -> Tensor:
    power = spectra.real**2 + spectra.imag**2
    # Every bin but the first and the last stands for its conjugate too.
    return (2 * power.sum(-1) - power[..., 0] - power[..., -1]).sum(-1)


def _silent(signals: Signals, start: int, size: int) -> bool:
    """Whether the channels of any signal sum to zero throughout."""
    return not all(source[:, start : start + size].sum(0).any() for source in signals)


def _read(signals: Signals, start: int, size: int) -> Tensor:
    """Reads samples from `start` on in float64, zeros behind the end."""
    piece = np.stack([np.asarray(source[:, start : start + size], np.float64) for source in signals])
    check_values(piece, "a signal")
    return F.pad(torch.from_numpy(piece), (0, size - piece.shape[-1]))


def _fast_length(samples: int) -> int:
    """Returns the next even length whose transform is quick: a product of 2, 3 and 5."""
    half = -(-samples // 2)
    odd = [3**a * 5**b for a in range(half.bit_length()) for b in range(half.bit_length()) if 3**a * 5**b <= half]
    return 2 * min(factor << (-(-half // factor) - 1).bit_length() for factor in odd)
