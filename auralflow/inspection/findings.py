"""Findings about the tracks of a dataset: pure functions of their measurements."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from auralflow.inspection.sketch import cosines
from auralflow.inspection.spectrum import CODED
from auralflow_core.console.progress import duration
from auralflow_core.console.text import count
from auralflow_core.data.composition import MATCH, level, remaining
from auralflow_core.data.remembered import FileMeasures, TrackMeasures
from auralflow_core.data.track import Track

SAME = 0.9  # cosine of two sketches from which on they are of one recording
CLIPPED = 20  # clipped samples of a file from which on they are worth a line
SILENT = 1e-8  # mean square below which a file is silent: -80 dBFS
MONO = 1e-9  # energy of the difference between left and right, as a share, below which a file is mono
AUDIBLE = 1e-4  # share of a mixture's energy that its stems may leave before it is worth a line
LEVEL = 1.0  # dB between a mixture and the sum of its stems that are worth a line
USUAL = 12.0  # dB between a track's level and the median of all that are worth a line
ORDER = ("test", "valid", "train")  # of duplicates the one in the first of these splits is kept


class Finding(NamedTuple):
    """A fault or a peculiarity of a track."""

    kind: str  # one of KINDS
    text: str
    leave_out: bool = False  # the track is not fit for training


KINDS = {
    "file": "Files that are missing, damaged, of another length or rate, or in no place where one is expected.",
    "sum": "The stems do not add up to the mixture.",
    "swapped": "Files that lie in the place of others.",
    "duplicate": "The same recording as another track, whatever its level or format.",
    "silence": f"Softer than {10 * math.log10(SILENT):.0f} dBFS (RMS).",
    "length": "A file is a few samples longer or shorter than its track; it is cut, or followed by silence.",
    "clipping": "Several samples in a row at full scale, or beyond it.",
    "level": "The mixture is louder or softer than the sum of its stems, or the track than the others.",
    "upsampled": "The spectrum is empty above half of a lower sample rate.",
    "lossy": "The spectrum ends abruptly, as after lossy coding.",
    "mono": "Left and right are the same.",
    "model": "What the model expects is different.",
}


def track_findings(track: Track, measures: TrackMeasures) -> list[Finding]:
    """Findings about one track, from its measurements alone."""
    if measures.damage:
        return [Finding("file", line, True) for line in measures.damage.splitlines()]
    files = measures.files
    found = _silence(files)
    found += [_length(track, name, file) for name, file in files.items() if file.samples != track.samples]
    found += _clipping(files)
    found += _shared("upsampled", files, _lower_rate)
    found += _shared("lossy", files, _coded)
    found += _shared("mono", files, _mono)
    return found


def level_findings(levels: Mapping[str, float]) -> dict[str, Finding]:
    """The tracks that are much louder or softer than most.

    Args:
        levels: track -> mean square of its mixture.
    """
    decibels = {label: 10 * math.log10(value) for label, value in levels.items() if value > SILENT}
    if len(decibels) < 3:
        return {}
    usual = float(np.median(list(decibels.values())))
    return {
        label: Finding(
            "level", f"{abs(value - usual):.0f} dB {'louder' if value > usual else 'softer'} than most tracks"
        )
        for label, value in decibels.items()
        if abs(value - usual) > USUAL
    }


def duplicates(sketches: Mapping[str, np.ndarray]) -> dict[str, Finding]:
    """The tracks that are the same recording as one that is kept.

    Args:
        sketches: of the mixtures, by `<split>/<name>`.
    """
    labels = sorted(sketches, key=lambda label: (*(label.startswith(f"{split}/") is False for split in ORDER), label))
    if not labels:
        return {}
    same = cosines(np.stack([sketches[label] for label in labels])) >= SAME
    found: dict[str, Finding] = {}
    for place, label in enumerate(labels):
        for other in np.flatnonzero(same[place, :place]):
            if label not in found and labels[other] not in found:
                found[label] = Finding("duplicate", f"the same recording as {labels[other]}", True)
    return found


def foreign_stems(label: str, stems: Sequence[str], sketches: Mapping[str, Mapping[str, np.ndarray]]) -> list[Finding]:
    """Stems of a track that lie in another track, found by what the other stems leave of the mixture.

    Args:
        label: of a track whose stems do not add up to its mixture.
        stems: that should.
        sketches: track -> file -> sketch.
    """
    own = sketches[label]
    places = [(other, name) for other in sketches for name in sketches[other] if other != label and name != "mixture"]
    if "mixture" not in own or not places:
        return []
    found = []
    known = np.stack([sketches[other][name] for other, name in places])
    for stem in stems:
        wanted = own["mixture"] - sum(own[name] for name in stems if name != stem)
        likeness = cosines(np.vstack([wanted, known]))[0, 1:]
        if likeness.max() >= SAME:
            other, name = places[int(likeness.argmax())]
            found.append(Finding("swapped", f"what {stem} should be is {name} of {other}", True))
    return found


def _silence(files: Mapping[str, FileMeasures]) -> list[Finding]:
    silent = [name for name, file in files.items() if file.energy < SILENT]
    if len(silent) == len(files) or "mixture" in silent:
        return [Finding("silence", "the mixture is silent", True)]
    return (
        [Finding("silence", f"{' and '.join(silent)} {'is' if len(silent) == 1 else 'are'} silent")] if silent else []
    )


def _length(track: Track, name: str, file: FileMeasures) -> Finding:
    change = file.samples - track.samples
    treatment = "cut" if change > 0 else "followed by silence"
    return Finding(
        "length", f"{name} is {count(abs(change), 'sample')} too {'long' if change > 0 else 'short'}, and {treatment}"
    )


def _clipping(files: Mapping[str, FileMeasures]) -> list[Finding]:
    found = [
        Finding("clipping", f"{name}: {count(file.clipped, 'clipped sample')}")
        for name, file in files.items()
        if file.clipped >= CLIPPED and file.peak <= 1
    ]
    return found + [
        Finding("clipping", f"{name} exceeds full scale by {20 * math.log10(file.peak):.1f} dB")
        for name, file in files.items()
        if file.peak > 1.001
    ]


def mixture_findings(track: Track, product: np.ndarray, used: Collection[str]) -> list[Finding]:
    """How the mixture compares with the sum of its stems, where it is that sum.

    Args:
        track: with all of its stems.
        product: (1 + stems, 1 + stems), the inner products of its mixture and stems.
        used: the stems that add up to the mixture; others, such as the sum of some of these, count twice.
    """
    subset = np.array([[float(name in used) for name in track.stems]])
    if track.mixture is None or len(product) < 3 or product[0, 0] <= 0:
        return []
    share, gain = float(remaining(product, subset)[0]), float(level(product, subset)[0])
    found = []
    if share <= MATCH and abs(decibels := 20 * math.log10(gain)) > LEVEL:
        direction = "louder" if decibels > 0 else "softer"
        found.append(Finding("level", f"the mixture is {abs(decibels):.1f} dB {direction} than the sum of its stems"))
    if AUDIBLE < share <= MATCH:
        found.append(Finding("sum", f"the stems leave a part of the mixture {-10 * math.log10(share):.0f} dB below it"))
    return found


def _shared(kind: str, files: Mapping[str, FileMeasures], describe) -> list[Finding]:
    """A finding for each text that describes files, with their names."""
    names: dict[str, list[str]] = {}
    for name, file in files.items():
        if file.energy >= SILENT and (text := describe(file)):
            names.setdefault(text, []).append(name)
    return [
        Finding(kind, f"{'all files' if len(found) == len(files) > 1 else ', '.join(found)}: {text}")
        for text, found in names.items()
    ]


def _lower_rate(file: FileMeasures) -> str:
    return (
        f"empty above {file.lower_rate / 2000:.0f} kHz, as after upsampling from {file.lower_rate} Hz"
        if file.lower_rate
        else ""
    )


def _coded(file: FileMeasures) -> str:
    if file.lower_rate or file.edge is None or not CODED[0] <= file.edge <= CODED[1]:
        return ""
    return f"ends at {file.edge / 1000:.0f} kHz, as after lossy coding"


def _mono(file: FileMeasures) -> str:
    return "mono as stereo" if file.channels == 2 and file.side <= MONO * file.energy else ""


def too_short(track: Track, seconds: float) -> list[Finding]:
    """A finding where a track is shorter than a crop."""
    if track.seconds >= seconds:
        return []
    return [Finding("model", f"lasts {duration(track.seconds)}, a crop {seconds:g} s: silence follows it")]
