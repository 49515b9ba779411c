"""Measuring a track: each file, and all of them together."""

import numpy as np

from auralflow.inspection.levels import Levels
from auralflow.inspection.sketch import Sketches
from auralflow.inspection.spectrum import Spectrum, find_edge, find_lower_rate
from auralflow_core.audio import find_damage, probe
from auralflow_core.data.products import products_of, read_together
from auralflow_core.data.remembered import FileMeasures, TrackMeasures
from auralflow_core.data.track import Track
from auralflow_core.errors import InputError

DIGITS = 7  # of the numbers that are kept, significant ones


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
