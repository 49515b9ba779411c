"""Measurements of a track: of each file, and of all of them together."""

import msgspec
import numpy as np

from auralflow_core.audio import find_damage, probe
from auralflow_core.data.inspection.levels import Levels
from auralflow_core.data.inspection.sketch import Sketches
from auralflow_core.data.inspection.spectrum import Spectrum, find_edge, find_lower_rate
from auralflow_core.data.products import products_of, read_together
from auralflow_core.data.track import Track
from auralflow_core.errors import InputError

DIGITS = 7  # of the numbers that are kept, significant ones


class FileMeasures(msgspec.Struct, frozen=True):
    """Measurements of a file."""

    channels: int
    samples: int
    peak: float  # the largest magnitude, 1 is full scale
    energy: float  # mean square
    side: float  # mean square of half the difference between left and right
    clipped: int  # samples in runs at full scale
    edge: float | None  # Hz at which the spectrum ends abruptly
    lower_rate: int | None  # Hz that the audio was resampled from
    sketch: tuple[float, ...]  # see `sketch`


class TrackMeasures(msgspec.Struct, frozen=True):
    """Measurements of a track whose files were decoded in full."""

    damage: str = ""  # sentences about files that cannot be decoded; then there are no measurements
    files: dict[str, FileMeasures] = {}  # in the order of `Track.files`
    products: tuple[tuple[float, ...], ...] = ()  # of mixture and stems, see `products.inner_products`


def measure_track(track: Track) -> TrackMeasures:
    """Decodes all files of a track in full, side by side, and measures them in memory that does not grow.

    Raises:
        KeyboardInterrupt: the process was asked to end.
    """
    count = len(track.files)
    levels, spectrum, sketches = Levels(count), Spectrum(count), Sketches(count)
    products = np.zeros((count, count))
    try:
        for block in read_together(track, 0, track.samples):
            for part in (levels, spectrum, sketches):
                part.add(block)
            products += products_of(block)
    except InputError as error:
        found = [damage for path in track.files.values() if (damage := find_damage(path))]
        return TrackMeasures("\n".join(found) or str(error))
    energy = np.diag(products) / (track.channels * track.samples)
    if track.mixture is None:
        products = np.pad(products, [(1, 0), (1, 0)])
    files = {
        name: FileMeasures(
            probe(path).channels,
            track.lengths.get(path, track.samples),
            _rounded(levels.peak[index]),
            _rounded(energy[index]),
            _rounded(levels.side[index]),
            int(levels.clipped[index]),
            find_edge(spectrum.power[index], track.sample_rate),
            find_lower_rate(spectrum.power[index], track.sample_rate),
            tuple(map(_rounded, sketches.values[index])),
        )
        for index, (name, path) in enumerate(track.files.items())
    }
    # All digits: small differences of large products are what tells.
    return TrackMeasures("", files, tuple(tuple(map(float, row)) for row in products))


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
