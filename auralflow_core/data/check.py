"""Looking at the audio of tracks before they are used: whether it can be decoded, and whether the stems add up."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from auralflow_core.data.composition import (
    MATCH,
    Composition,
    as_sum,
    find_absent,
    find_composition,
    find_swapped,
    leaks,
    remaining,
)
from auralflow_core.data.layout import Problems
from auralflow_core.data.parallel import map_tracks
from auralflow_core.data.products import inner_products
from auralflow_core.data.remembered import recall
from auralflow_core.data.targets import expand_targets
from auralflow_core.data.track import Track
from auralflow_core.errors import InputError

WHOLE = 1800.0  # seconds of audio, of all files together, up to which they are decoded whole
WINDOWS = (1 / 3, 2 / 3)  # where in a track a part of it is read otherwise, as shares of its length
WINDOW = 4.0  # seconds of a part
LEFT = 0.5  # level at which a stem may be left in the remainder of a single track

Products = np.ndarray | str  # inner products of a track's signals, or a sentence that says why there are none


@dataclass
class Checked:
    """Tracks that can be used, with the stems that are used, and what is to be said about the others."""

    tracks: list[Track]
    problems: Problems = field(default_factory=dict)  # of tracks that are left out
    notes: list[str] = field(default_factory=list)
    composition: Composition | None = None


def check_tracks(
    tracks: Sequence[Track], targets: Iterable[str] = (), sources: Mapping[str, Collection[str]] | None = None
) -> Checked:
    """Checks the tracks of a dataset in seconds, and decides which stems are used.

    Up to `WHOLE` seconds of audio are decoded in full. Of more, two parts of each track are, unless `inspect_dataset`
    has decoded the track before.

    Args:
        tracks: of one dataset, all with the same stems, which have files.
        targets: that are to be made of the stems; none: any stems will do.
        sources: named sums of stems.

    Raises:
        InputError: the stems cannot be used, in a sentence that names the dataset.
    """
    seconds = math.fsum(track.seconds * len(track.files) for track in tracks)
    is_whole = seconds <= WHOLE
    remembered = {track.path: recall(track) for track in tracks}
    todo = [track for track in tracks if remembered[track.path] is None]
    products = dict(zip([track.path for track in todo], map_tracks(_sampled(is_whole), todo, "checking"), strict=True))
    for path, measures in remembered.items():
        if measures is not None:
            products[path] = measures.damage or np.array(measures.products)
    checked = compose(tracks, [products[track.path] for track in tracks], targets, sources)
    if todo and not is_whole:
        checked.notes.append(
            f"{todo[0].dataset}: {len(todo)} of {len(tracks)} tracks were checked in parts; "
            f"`auralflow inspect {todo[0].dataset}` decodes all files once and remembers what it finds"
        )
    return checked


def compose(
    tracks: Sequence[Track],
    products: Sequence[Products],
    targets: Iterable[str] = (),
    sources: Mapping[str, Collection[str]] | None = None,
) -> Checked:
    """Decides which stems of a dataset are used, and which tracks fit.

    Args:
        tracks: as of `check_tracks`.
        products: of each track.
        targets: as of `check_tracks`.
        sources: as of `check_tracks`.

    Raises:
        InputError: as `check_tracks`.
    """
    problems: Problems = {}
    for track, found in zip(tracks, products, strict=True):
        if isinstance(found, str):
            problems[track.path] = [found]
    good = [(track, found) for track, found in zip(tracks, products, strict=True) if not isinstance(found, str)]
    if not good:
        return Checked([], problems)
    stems, dataset = list(good[0][0].stems), good[0][0].dataset
    has_mixture = np.array([track.mixture is not None for track, _ in good])
    targets = list(targets)

    def usable(names: Sequence[str], remainder: bool) -> bool:
        names = [*names, remainder_name(names)] if remainder else names
        try:
            expand_targets(targets, names, sources or {})
        except InputError:
            return False
        return True

    composition = find_composition(np.stack([found for _, found in good]), stems, has_mixture, usable)
    if composition.problem:
        raise InputError(f"{dataset}: {composition.problem}")
    kept = []
    for track, found in good:
        if fault := track_fault(track, found, composition):
            problems[track.path] = [f"{track.path}: {fault}"]
        else:
            kept.append(with_stems(track, composition))
    return Checked(kept, problems, _notes(dataset, composition, [track for track, _ in good]), composition)


def track_fault(track: Track, product: np.ndarray, composition: Composition) -> str:
    """The end of a sentence that says why a track does not fit the other tracks; or ""."""
    stems = list(track.stems)
    if track.mixture is None:
        return "lacks a mixture, which other tracks have" if composition.remainder else ""
    if (swapped := find_swapped(product)) is not None:
        return f"mixture and {stems[swapped]} are swapped: {stems[swapped]} is the sum of all other files"
    subset = np.array([float(stem in composition.stems) for stem in stems])
    if composition.remainder:
        found = np.nan_to_num(leaks(product, subset)) * subset
        if found.max() > LEFT:
            return f"{stems[int(found.argmax())]} is not part of the mixture as its file has it"
    elif composition.share <= MATCH and (share := float(remaining(product, subset[None])[0])) > MATCH:
        absent = [stems[stem] for stem in find_absent(product) if subset[stem]]
        if absent:
            return f"{' and '.join(absent)} cannot be heard in the mixture"
        return f"the mixture is not the sum of the stems, which leave {_decibels(share)} of it"
    return ""


def with_stems(track: Track, composition: Composition) -> Track:
    """A track with the stems that are used."""
    stems = {name: path for name, path in track.stems.items() if name in composition.stems}
    if composition.remainder:
        stems[remainder_name(composition.stems)] = None
    return replace(track, stems=dict(sorted(stems.items())))


def remainder_name(stems: Collection[str]) -> str:
    """The name of the stem that others leave of a mixture."""
    if list(stems) == ["vocals"]:
        return "accompaniment"
    return "other" if "other" not in stems else "remainder"


def describe(composition: Composition) -> list[str]:
    """The ends of sentences about the stems of a dataset that are not used as they are."""
    found = [
        f"{as_sum(name, parts)} and is not used, so that nothing counts twice"
        for name, parts in composition.sums.items()
    ]
    found += [f"{name} is not used: the other stems add up to the mixtures without it" for name in composition.extra]
    if composition.remainder:
        found.append(
            f"the mixtures hold more than {' and '.join(composition.stems)}; what is left of them is used as the stem "
            f"{remainder_name(composition.stems)}"
        )
    elif composition.share > MATCH:
        found.append(
            f"the mixtures are not the sums of their stems, which leave {_decibels(composition.share)} of them"
        )
    return found


def _sampled(is_whole: bool):
    def measure(track: Track) -> Products:
        window = min(track.samples, round(WINDOW * track.sample_rate))
        starts = [max(0, min(round(share * track.samples), track.samples - window)) for share in WINDOWS]
        ranges = [(0, track.samples)] if is_whole else [(start, window) for start in starts]
        try:
            return inner_products(track, ranges)
        except InputError as error:
            return str(error)

    return measure


def _notes(dataset: Path, composition: Composition, tracks: Sequence[Track]) -> list[str]:
    notes = [f"{dataset}: {text}" for text in describe(composition)]
    if odd := [(path, track) for track in tracks for path in track.lengths]:
        most = max(abs(track.lengths[path] - track.samples) for path, track in odd)
        path, track = odd[0]
        name = next((name for name, file in track.files.items() if file == path), path.stem)
        count = "1 file is" if len(odd) == 1 else f"{len(odd)} files are"
        notes.append(
            f"{dataset}: {count} up to {most} samples longer or shorter than the others of the track, and cut or "
            f"followed by silence ({track.label}: {name})"
        )
    return notes


def _decibels(share: float) -> str:
    return f"a part {abs(10 * math.log10(max(share, 1e-12))):.0f} dB {'below' if share <= 1 else 'above'} the level"
