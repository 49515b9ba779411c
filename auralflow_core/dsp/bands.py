"""Bands of frequency bins: the tables of networks that treat each band apart."""

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from auralflow_core.dsp.mel import mel_filterbank

# The bands of the published BS-RoFormers, for transforms of 2048 samples (Lu et al. 2023, "Music source separation
# with band-split RoPE transformer").
PUBLISHED = (2,) * 24 + (4,) * 12 + (12,) * 8 + (24,) * 8 + (48,) * 8 + (128, 129)


@dataclass(frozen=True, eq=False)
class BandTable:
    """The bins of each band, which may overlap.

    Attributes:
        bins: (entries,), the bins of the lowest band in rising order, then those of the next.
        widths: number of bins of each band.
    """

    bins: np.ndarray
    widths: tuple[int, ...]

    @property
    def counts(self) -> np.ndarray:
        """The number of bands that each bin belongs to, (bins,)."""
        return np.bincount(self.bins)


class Run(NamedTuple):
    """Neighbouring bands of one width, which are computed together.

    Attributes:
        bands: number of them.
        width: entries of each of them.
    """

    bands: int
    width: int

    @property
    def entries(self) -> int:
        """Entries of all of them."""
        return self.bands * self.width


def split_bands(widths: Sequence[int]) -> BandTable:
    """Bands side by side, from the lowest bin.

    Example:
        >>> split_bands([2, 1]).bins.tolist()
        [0, 1, 2]
    """
    return BandTable(np.arange(sum(widths)), tuple(widths))


def published_bands(num_fft: int) -> tuple[int, ...]:
    """The widths of the published bands, scaled to another transform; bands narrower than half a bin are joined.

    Example:
        >>> published_bands(1024)[-3:], sum(published_bands(1024))
        ((24, 64, 65), 513)
    """
    edges = np.rint(np.cumsum((0, *PUBLISHED[:-1])) * (num_fft / 2048)).astype(int)
    return tuple(np.diff(np.unique([*edges, num_fft // 2 + 1])).tolist())


@functools.lru_cache(maxsize=32)
def mel_bands(sample_rate: int, num_fft: int, num_bands: int) -> BandTable:
    """Bands of equal width on Slaney's mel scale, each of which overlaps its neighbours by half.

    A band has the bins at which its triangle (`auralflow_core.dsp.mel`) is above zero; the first bin belongs to the
    first band, too, and the last to the last (Wang et al. 2023, "Mel-band RoFormer for music source separation").

    Args:
        sample_rate: in Hz.
        num_fft: length of the transform, in samples.
        num_bands: number of bands.

    Raises:
        ValueError: a band without bins, or a bin in no band.
    """
    inside = mel_filterbank(sample_rate, num_fft, num_bands) > 0
    inside[0, 0] = inside[-1, -1] = True
    if not inside.any(1).all():
        raise ValueError(
            f"num_bands ({num_bands}) leaves band {int(inside.any(1).argmin())} without a bin; num_fft ({num_fft}) at "
            f"{sample_rate} Hz has room for fewer bands"
        )
    if not inside.any(0).all():
        raise ValueError(
            f"num_bands ({num_bands}) leaves bin {int(inside.any(0).argmin())} in no band; more are needed"
        )
    return BandTable(np.nonzero(inside)[1], tuple(inside.sum(1).tolist()))


def runs(widths: Sequence[int]) -> list[Run]:
    """Groups neighbouring bands of the same width.

    Args:
        widths: entries of each band.

    Example:
        >>> [tuple(run) for run in runs([2, 2, 3])]
        [(2, 2), (1, 3)]
    """
    return [Run(len(list(group)), width) for width, group in itertools.groupby(widths)]
