"""Finding and checking the tracks of a dataset.

A dataset is a folder `<dataset>/<split>/<track>/<stem>.<wav|flac|ogg|mp3|...>`, the layout of MUSDB18. The splits
are `train`, `valid` and `test`. The file `mixture` is not a stem; if it is missing, the mixture is the sum
of the stems.
"""

import dataclasses
import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from auralflow_core.audio import AudioInfo, is_audio, probe
from auralflow_core.data.track import Track
from auralflow_core.errors import InputError

SPLITS = ("train", "valid", "test")
LAYOUT = "<dataset>/<train|valid|test>/<track>/<stem>.wav (or flac, ogg, mp3)"

Problems = dict[Path, list[str]]  # a track's folder -> a sentence for each fault


class Scan(NamedTuple):
    """The tracks of a split, and what is wrong with the others."""

    tracks: list[Track]  # without fault, sorted by name
    problems: Problems


def find_tracks(dataset: str | Path, split: str, suffix: str | None = None) -> list[Track]:
    """Finds the tracks of a split and checks every file of them.

    Args:
        dataset: the folder that holds the splits.
        split: the name of one of them.
        suffix: such as `.wav`; files with another one are skipped. Default: all audio files count.

    Returns:
        The tracks, sorted by name. Hidden files and folders, and files that are no audio, are skipped.

    Raises:
        InputError: the folder is missing or holds no track; or tracks lack stems, or files cannot be read or differ
            in rate or length, with a line for each file at fault.
    """
    scan = scan_tracks(dataset, split, suffix)
    if scan.problems:
        raise faulty_tracks(Path(dataset) / split, scan.problems)
    return scan.tracks


def scan_tracks(dataset: str | Path, split: str, suffix: str | None = None) -> Scan:
    """Does the work of `find_tracks`, and tells tracks without fault from the others.

    Raises:
        InputError: the folder is missing or holds no track.
    """
    folder = Path(dataset) / split
    folders = [path for path in _visible(folder) if path.is_dir()] if folder.is_dir() else []
    if not folders:
        raise InputError(_missing(Path(dataset), split))
    problems: Problems = {path: [] for path in folders}
    files = {path: _audio_files(path, suffix, problems[path]) for path in folders}
    for path, text in _unequal_stems(files):
        problems[path].append(text)
    tracks = [_load_track(path, files[path], problems[path]) for path in folders]
    good = [track for track in tracks if track is not None and not problems[track.path]]
    return Scan(good, {path: found for path, found in problems.items() if found})


def faulty_tracks(folder: Path, problems: Problems) -> InputError:
    """The error about tracks of a folder that cannot be used."""
    lines = sorted(line for found in problems.values() for line in found)
    count = "1 problem" if len(lines) == 1 else f"{len(lines)} problems"
    return InputError("\n  ".join([f"{folder}: {count}, nothing was read", *lines]))


def training_tracks(
    datasets: str | Path | Sequence[str | Path], fraction: float = 0.15, max_num_tracks: int | None = None
) -> tuple[list[Track], list[Track], str | None]:
    """Finds the tracks to train on and the tracks to validate with.

    Without a folder `valid`, some tracks of `train` validate: those whose names have the lowest SHA-256, so that the
    choice is the same everywhere, and a few more tracks change little of it.

    Args:
        datasets: the folder that holds the splits, or several of them, whose tracks are joined; a track's name that
            occurs in more than one of them gets the folder's name in front.
        fraction: share of the tracks of `train` that validate; at least one does, and at least one trains.
        max_num_tracks: number of tracks of each dataset to train on, the first ones; default: all.

    Returns:
        Training tracks, validation tracks, and a sentence about tracks of `train` that validate, or None.

    Raises:
        InputError: as `find_tracks`; the stems differ between the splits or the datasets; a dataset is named twice;
            or a dataset has a single track and no `valid`.
    """
    datasets = [datasets] if isinstance(datasets, str | os.PathLike) else datasets
    if len({Path(dataset).resolve() for dataset in datasets}) < len(datasets):
        raise InputError(
            f"the datasets {', '.join(map(str, datasets))} are not all different; each is named once, and "
            "dataset.shares says how often it is drawn from"
        )
    found = [_training_tracks(dataset, fraction) for dataset in datasets]
    stems = [", ".join(train[0].stems) for train, _, _ in found]
    for dataset, names in zip(datasets, stems, strict=True):
        if names != stems[0]:
            raise InputError(f"the stems of {datasets[0]} ({stems[0]}) and of {dataset} ({names}) must be the same")
    owners = Counter(name for train, valid, _ in found for name in {track.name for track in [*train, *valid]})

    def named(tracks: Iterable[Track]) -> list[Track]:
        names = ((track, f"{track.dataset.resolve().name}-" if owners[track.name] > 1 else "") for track in tracks)
        return [dataclasses.replace(track, name=prefix + track.name) for track, prefix in names]

    train = named(track for tracks, _, _ in found for track in tracks[:max_num_tracks])
    return (
        train,
        named(track for _, tracks, _ in found for track in tracks),
        "\n".join(note for _, _, note in found if note) or None,
    )


def _training_tracks(dataset: str | Path, fraction: float) -> tuple[list[Track], list[Track], str | None]:
    """Does the work of `training_tracks` for one dataset and all of its tracks."""
    train = find_tracks(dataset, "train")
    if (Path(dataset) / "valid").is_dir():
        valid, note = find_tracks(dataset, "valid"), None
        if set(valid[0].stems) != set(train[0].stems):
            raise InputError(
                f"{dataset}: the stems of train ({', '.join(train[0].stems)}) and of valid "
                f"({', '.join(valid[0].stems)}) must be the same"
            )
    elif len(train) == 1:
        raise InputError(
            f"{dataset}: train has a single track ({train[0].name}) and there is no folder valid; "
            "add a second track, or a track to validate with in valid"
        )
    else:
        count = min(max(1, round(fraction * len(train))), len(train) - 1)
        by_hash = sorted(train, key=lambda track: hashlib.sha256(track.name.encode()).digest())
        chosen = {track.name for track in by_hash[:count]}
        valid = [track for track in train if track.name in chosen]
        names = ", ".join(track.name for track in valid)
        note = f"{dataset} has no folder valid: {count} of its {len(train)} training tracks validate ({names})"
        train = [track for track in train if track.name not in chosen]
    return train, valid, note


def _audio_files(path: Path, suffix: str | None, problems: list[str]) -> dict[str, Path]:
    """The audio files in a track's folder by the names of their stems; adds a problem for each superfluous file."""
    files: dict[str, Path] = {}
    for file in _visible(path):
        if is_audio(file) and suffix in (None, file.suffix.lower()) and not file.is_dir():
            if file.stem in files:
                problems.append(f"{file}: a second file for '{file.stem}', next to {files[file.stem].name}")
            files.setdefault(file.stem, file)
    if not set(files) - {"mixture"}:
        problems.append(f"{path}: holds no stems, where audio files such as vocals{suffix or '.wav'} are expected")
    return files


def _load_track(path: Path, files: dict[str, Path], problems: list[str]) -> Track | None:
    """The track in a folder, or None if no file can be read; adds a problem for each file at fault."""
    infos: dict[str, AudioInfo] = {}
    for name, file in files.items():
        try:
            infos[name] = probe(file)
        except InputError as error:
            problems.append(str(error))
    if not infos:
        return None
    rate, samples = Counter((info.sample_rate, info.samples) for info in infos.values()).most_common(1)[0][0]
    for name, info in infos.items():
        if (info.sample_rate, info.samples) != (rate, samples):
            problems.append(
                f"{files[name]}: has {info.samples} samples at {info.sample_rate} Hz, other files of the "
                f"track {samples} at {rate} Hz"
            )
        if info.channels > 2:
            problems.append(f"{files[name]}: has {info.channels} channels; mono or stereo is accepted")
    stems = {name: files[name] for name in sorted(files) if name != "mixture"}
    channels = max(info.channels for info in infos.values())
    return Track(path.name, path, stems, files.get("mixture"), rate, channels, samples)


def _unequal_stems(files: dict[Path, dict[str, Path]]) -> list[tuple[Path, str]]:
    """The track and a problem for each stem that a track lacks, or has, unlike most tracks."""
    stems = {path: set(names) - {"mixture"} for path, names in files.items() if set(names) - {"mixture"}}
    counts = Counter(stem for names in stems.values() for stem in names)
    usual = {stem for stem, count in counts.items() if 2 * count >= len(stems)}
    lines = [
        (path, f"{path}: lacks the stem '{stem}', which other tracks have")
        for path, names in stems.items()
        for stem in usual - names
    ]
    return lines + [
        (path, f"{files[path][stem]}: is a stem that other tracks lack")
        for path, names in stems.items()
        for stem in names - usual
    ]


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _missing(dataset: Path, split: str) -> str:
    """A message about a split without tracks, with the folder that was probably meant."""
    if not dataset.is_dir():
        return f"{dataset}: no such folder; expected {LAYOUT}"
    if any(is_audio(path) for path in _visible(dataset)):
        whole = dataset.resolve().parent.parent
        return f"{dataset}: is a track's folder, the dataset may be {whole}; expected {LAYOUT}"
    if dataset.resolve().name in SPLITS:
        return f"{dataset}: is a split's folder, the dataset may be {dataset.resolve().parent}; expected {LAYOUT}"
    found = [path.name for path in _visible(dataset) if path.is_dir()]
    if split in found:
        return f"{dataset / split}: holds no track folders; expected {LAYOUT}"
    return f"{dataset}: has no folder '{split}' (folders there: {', '.join(found) or 'none'}); expected {LAYOUT}"
