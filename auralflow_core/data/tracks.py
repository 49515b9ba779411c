"""Finding the tracks of a dataset and checking the headers of their files.

A dataset is a folder `<dataset>/<split>/<track>/<stem>.<wav|flac|ogg|mp3|...>`, the layout of MUSDB18. The splits
are `train`, `valid` and `test`. The file `mixture` is not a stem; if it is missing, the mixture is the sum
of the stems. A file `<dataset>/<split>/<track>.stem.mp4` is a track as well, and is decoded first.
"""

from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from auralflow_core.audio import AudioInfo, probe
from auralflow_core.console.text import count
from auralflow_core.data.layout import PACKED, Files, Problems, find_files, find_stem_files, is_dangling, missing_split
from auralflow_core.data.track import Track
from auralflow_core.data.unpacked import unpack
from auralflow_core.errors import InputError

FEW = 4096  # samples by which a file may be longer or shorter than its track: the padding of lossy encoders, or a block


class Scan(NamedTuple):
    """The tracks of a split, and what is wrong with the others."""

    tracks: list[Track]  # without fault, sorted by name
    problems: Problems
    excluded: list[str]  # entries of `exclude` that a track fits


def find_tracks(dataset: str | Path, split: str, suffix: str | None = None) -> list[Track]:
    """Finds the tracks of a split and checks the header of every file of them.

    A file that is at most `FEW` samples longer or shorter than the others of its track is cut, or followed by silence.

    Args:
        dataset: the folder that holds the splits.
        split: the name of one of them.
        suffix: such as `.wav`; files with another one are skipped. Default: all audio files count.

    Returns:
        The tracks, sorted by name. Hidden files and folders, and files that are no audio, are skipped.

    Raises:
        InputError: the folder is missing or holds no track; or tracks lack stems, or files cannot be read or differ
            in rate or length, with a line for each file at fault; or as `unpack`.
    """
    scan = scan_tracks(dataset, split, suffix)
    if scan.problems:
        raise faulty_tracks(Path(dataset) / split, scan.problems)
    return scan.tracks


def scan_tracks(dataset: str | Path, split: str, suffix: str | None = None, exclude: Collection[str] = ()) -> Scan:
    """Does the work of `find_tracks`, and tells tracks without fault from the others.

    Args:
        dataset: the folder that holds the splits.
        split: the name of one of them.
        suffix: see `find_tracks`.
        exclude: tracks that are passed over, by their names, or by `<split>/<name>`.

    Raises:
        InputError: the folder is missing or holds no track, or as `unpack`.
        OSError: there is no room to decode tracks.
    """
    folder = Path(dataset) / split
    files, problems = find_files(folder, suffix) if folder.is_dir() and suffix not in PACKED else ({}, {})
    packed, second = find_stem_files(folder, suffix) if folder.is_dir() else ({}, {})
    if not files and not packed:
        raise missing_split(Path(dataset), split) if not problems else faulty_tracks(folder, problems)
    for path, lines in second.items():
        problems.setdefault(path, []).extend(lines)
        packed.pop(path)
    for path in packed.keys() & files.keys():
        problems.setdefault(path, []).append(f"{packed.pop(path)}: a second track of this name, next to a folder")
    fitting = {path: {path.name, f"{split}/{path.name}"} & set(exclude) for path in {*files, *packed, *problems}}
    unpacked, damaged = unpack({path: file for path, file in packed.items() if not fitting[path]})
    files = dict(sorted((unpacked | {path: found for path, found in files.items() if not fitting[path]}).items()))
    problems = damaged | {path: found for path, found in problems.items() if not fitting[path]}
    unread: set[Path] = set()
    tracks = [_load_track(path, names, problems, unread) for path, names in files.items()]
    for path, stem, text in _unequal_stems(files, unread):
        place = files[path].get(stem, path)
        if path in packed:
            place = f"{packed[path]} ({stem})" if stem else packed[path]
        problems.setdefault(path, []).append(f"{place}: {text}")
    good = [track for track in tracks if track is not None and track.path not in problems]
    return Scan(good, problems, sorted(set().union(*fitting.values())))


def faulty_tracks(folder: Path, problems: Problems) -> InputError:
    """The error about tracks of a folder that cannot be used."""
    lines = sorted(line for found in problems.values() for line in found)
    return InputError("\n  ".join([f"{folder}: {count(len(lines), 'problem')}, nothing was read", *lines]))


def _load_track(path: Path, files: dict[str, Path], problems: Problems, unread: set[Path]) -> Track | None:
    """The track in a folder, or None if no file can be read; adds problems, and the files that cannot be read."""
    infos: dict[str, AudioInfo] = {}
    faults: list[str] = []
    for name, file in files.items():
        if is_dangling(file):
            continue  # said already
        try:
            infos[name] = probe(file)
        except InputError as error:
            faults.append(str(error))
            unread.add(file)
    if infos:
        rate, samples = Counter((info.sample_rate, info.samples) for info in infos.values()).most_common(1)[0][0]
        for name, info in infos.items():
            if info.sample_rate != rate or abs(info.samples - samples) > FEW:
                faults.append(
                    f"{files[name]}: has {count(info.samples, 'sample')} at {info.sample_rate} Hz, other files of the "
                    f"track {samples} at {rate} Hz"
                )
            if info.channels > 2:
                faults.append(f"{files[name]}: has {info.channels} channels; mono or stereo is accepted")
    if faults:
        problems.setdefault(path, []).extend(faults)
    if not infos:
        return None
    stems: dict[str, Path | None] = {name: files[name] for name in sorted(files) if name != "mixture"}
    channels = max(info.channels for info in infos.values())
    lengths = {files[name]: info.samples for name, info in infos.items() if info.samples != samples}
    return Track(path.name, path, stems, files.get("mixture"), rate, channels, samples, lengths)


def _unequal_stems(files: Files, unread: Collection[Path]) -> list[tuple[Path, str, str]]:
    """The track, stem and text for each stem that a track lacks, or has, unlike most."""
    stems = {path: set(names) - {"mixture"} for path, names in files.items() if set(names) - {"mixture"}}
    # A file that cannot be read may be no stem, so that no track has to have its like; but its track does not lack it.
    there = Counter(stem for names in stems.values() for stem in names)
    read = Counter(stem for path, names in stems.items() for stem in names if files[path][stem] not in unread)
    usual = {stem for stem, count in read.items() if 2 * count >= len(stems)}
    unusual = {stem for stem, count in there.items() if 2 * count < len(stems)}
    lacking = [
        (path, "", f"lacks the stem '{stem}', which other tracks have")
        for path, names in stems.items()
        for stem in sorted(usual - names)
    ]
    return lacking + [
        (path, stem, "is a stem that other tracks lack")
        for path, names in stems.items()
        for stem in sorted(names & unusual)
    ]
