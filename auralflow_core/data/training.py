"""The tracks to train on and to validate with."""

import dataclasses
import hashlib
import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from auralflow_core.data.check import check_tracks
from auralflow_core.data.layout import Problems
from auralflow_core.data.musdb import VALIDATION, is_musdb18
from auralflow_core.data.track import Track
from auralflow_core.data.tracks import faulty_tracks, scan_tracks
from auralflow_core.errors import InputError, brief, closest, shown

MANY = 20  # tracks that are left out and named, at most


class Found(NamedTuple):
    """The tracks of one dataset."""

    train: list[Track]
    valid: list[Track]
    notes: list[str]


def training_tracks(
    datasets: str | Path | Sequence[str | Path],
    fraction: float = 0.15,
    max_num_tracks: int | None = None,
    exclude: Collection[str] = (),
    targets: Iterable[str] = (),
    sources: Mapping[str, Collection[str]] | None = None,
) -> tuple[list[Track], list[Track], str | None]:
    """Finds the tracks to train on and the tracks to validate with, and checks them in seconds.

    Tracks that cannot be used are left out. Without a folder `valid`, some tracks of `train` validate: of MUSDB18 the
    fourteen that its users set aside, of others those whose names have the lowest SHA-256, so that the choice is the
    same everywhere, and a few more tracks change little of it.

    Args:
        datasets: the folder that holds the splits, or several of them, whose tracks are joined; a track's name that
            occurs in more than one of them gets the folder's name in front.
        fraction: share of the tracks of `train` that validate; at least one does, and at least one trains.
        max_num_tracks: number of tracks of each dataset to train on, the first ones; default: all.
        exclude: tracks that are not used, by their names, or by `<split>/<name>`.
        targets: that are to be made of the stems.
        sources: named sums of stems.

    Returns:
        Training tracks, validation tracks, and what there is to say about them, a line each, or None. A stem whose
        file is None is what the others leave of the mixture; see `check.check_tracks`.

    Raises:
        InputError: a split is missing or holds no track that can be used; the stems differ between the splits or the
            datasets, or cannot be used; a dataset is named twice; a dataset has a single track and no `valid`; or an
            excluded track does not exist.
    """
    datasets = [datasets] if isinstance(datasets, str | os.PathLike) else datasets
    if len({Path(dataset).resolve() for dataset in datasets}) < len(datasets):
        raise InputError(
            f"the datasets {', '.join(map(str, datasets))} are not all different; each is named once, and "
            "dataset.shares says how often it is drawn from"
        )
    targets, excluded = list(targets), set[str]()
    found = [_find(Path(dataset), fraction, exclude, targets, sources, excluded) for dataset in datasets]
    if missing := sorted(set(exclude) - excluded):
        known = [name for part in found for track in [*part.train, *part.valid] for name in (track.label, track.name)]
        raise InputError(
            f"dataset.exclude: {shown(missing[0])} is no track of {', '.join(map(str, datasets))}; "
            f"{closest(missing[0], known)}"
        )
    stems = [", ".join(train[0].stems) for train, _, _ in found]
    for dataset, names in zip(datasets, stems, strict=True):
        if names != stems[0]:
            raise InputError(f"the stems of {datasets[0]} ({stems[0]}) and of {dataset} ({names}) must be the same")
    owners = Counter(name for train, valid, _ in found for name in {track.name for track in [*train, *valid]})

    def named(tracks: Iterable[Track]) -> list[Track]:
        names = ((track, f"{track.dataset.resolve().name}-" if owners[track.name] > 1 else "") for track in tracks)
        return [dataclasses.replace(track, name=prefix + track.name) for track, prefix in names]

    return (
        named(track for part in found for track in part.train[:max_num_tracks]),
        named(track for part in found for track in part.valid),
        "\n".join(note for part in found for note in part.notes) or None,
    )


def usable_tracks(
    dataset: str | Path,
    split: str,
    suffix: str | None = None,
    exclude: Collection[str] = (),
    targets: Iterable[str] = (),
    sources: Mapping[str, Collection[str]] | None = None,
) -> tuple[list[Track], list[str]]:
    """Finds the tracks of a split and checks them in seconds; those that cannot be used are left out.

    Args:
        dataset: the folder that holds the splits.
        split: the name of one of them.
        suffix: see `tracks.find_tracks`.
        exclude: as of `training_tracks`, as are the rest.
        targets: that are to be made of the stems.
        sources: named sums of stems.

    Returns:
        The tracks, and what there is to say about them.

    Raises:
        InputError: the split is missing or holds no track that can be used, or the stems cannot be used.
    """
    scan = scan_tracks(dataset, split, suffix, exclude)
    checked = check_tracks(scan.tracks, targets, sources)
    problems = scan.problems | checked.problems
    if not checked.tracks:
        raise faulty_tracks(Path(dataset) / split, problems)
    return checked.tracks, [*checked.notes, *_left_out(Path(dataset), problems)]


def _find(
    dataset: Path,
    fraction: float,
    exclude: Collection[str],
    targets: Collection[str],
    sources: Mapping[str, Collection[str]] | None,
    excluded: set[str],
) -> Found:
    """Does the work of `training_tracks` for one dataset and all of its tracks; adds what it excluded."""
    splits = ["train", "valid"] if (dataset / "valid").is_dir() else ["train"]
    scans = {split: scan_tracks(dataset, split, exclude=exclude) for split in splits}
    for split, scan in scans.items():
        excluded.update(scan.excluded)
        if not scan.tracks:
            raise _nothing(dataset / split, scan.problems)
    stems = {split: scan.tracks[0].stems for split, scan in scans.items()}
    if set(stems["train"]) != set(stems[splits[-1]]):
        raise InputError(
            f"{dataset}: the stems of train ({', '.join(stems['train'])}) and of valid "
            f"({', '.join(stems['valid'])}) must be the same"
        )
    checked = check_tracks([track for scan in scans.values() for track in scan.tracks], targets, sources)
    problems = {path: found for scan in scans.values() for path, found in scan.problems.items()} | checked.problems
    tracks = {split: [track for track in checked.tracks if track.path.parent.name == split] for split in splits}
    for split in splits:
        if not tracks[split]:
            raise _nothing(
                dataset / split, {path: lines for path, lines in problems.items() if path.parent.name == split}
            )
    notes = [*checked.notes, *_left_out(dataset, problems)]
    if "valid" in tracks:
        return Found(tracks["train"], tracks["valid"], notes)
    train, valid = _set_aside(dataset, tracks["train"], fraction)
    names = ", ".join(track.name for track in valid)
    note = (
        f"{dataset} has no folder valid: {len(valid)} of its {len(tracks['train'])} training tracks validate ({names})"
    )
    return Found(train, valid, [note, *notes])


def _set_aside(dataset: Path, tracks: Sequence[Track], fraction: float) -> tuple[list[Track], list[Track]]:
    """The tracks of `train` that train, and those that validate."""
    if len(tracks) == 1:
        raise InputError(
            f"{dataset}: train has a single track ({tracks[0].name}) and there is no folder valid; "
            "add a second track, or a track to validate with in valid"
        )
    chosen = {track.name for track in tracks if track.name in VALIDATION} if is_musdb18(dataset) else set()
    if not 0 < len(chosen) < len(tracks):  # others, and MUSDB18 of which too much is excluded
        count = min(max(1, round(fraction * len(tracks))), len(tracks) - 1)
        by_hash = sorted(tracks, key=lambda track: hashlib.sha256(os.fsencode(track.name)).digest())
        chosen = {track.name for track in by_hash[:count]}
    return [track for track in tracks if track.name not in chosen], [track for track in tracks if track.name in chosen]


def _nothing(folder: Path, problems: Problems) -> InputError:
    if problems:
        return faulty_tracks(folder, problems)
    return InputError(f"{folder}: dataset.exclude leaves none of its tracks")


def _left_out(dataset: Path, problems: Problems) -> list[str]:
    """A line for each track that is left out, in the order of their names."""
    lines = [
        f"Left out {path.parent.name}/{brief(path.name)}: {' '.join(brief(line, 300) for line in problems[path])}"
        for path in sorted(problems)
    ]
    more = len(lines) - MANY
    return lines if more <= 0 else [*lines[:MANY], f"Left out {more} more; `auralflow inspect {dataset}` lists all"]
