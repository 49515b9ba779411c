"""Where a dataset's files lie: `<dataset>/<split>/<track>/<stem>.wav`, or `<dataset>/<split>/<stem>/<track>.wav`.

The second layout, a folder for each stem, is taken where a split has a folder `mixture` that holds audio files. A track
can also be one file next to these folders, `<dataset>/<split>/<track>.stem.mp4`, as those of MUSDB18 are.
"""

import os
from pathlib import Path

from auralflow_core.audio import is_audio
from auralflow_core.errors import InputError

SPLITS = ("train", "valid", "test")
STEM_FILES = (".stem.mp4", ".stem.m4a")  # endings of files that hold a mixture and four stems
PACKED = (*STEM_FILES, ".mp4", ".m4a")  # suffixes that stand for these files alone
LAYOUT = "<dataset>/<train|valid|test>/<track>/<stem>.wav (or flac, ogg, mp3), or <track>.stem.mp4"
MACOS = "__MACOSX"  # the folder with the attributes of files in archives that macOS has made

Files = dict[Path, dict[str, Path]]  # a track's folder -> a stem's name, or `mixture` -> its file
Problems = dict[Path, list[str]]  # a track's folder -> a sentence for each fault


def find_files(split: Path, suffix: str | None = None) -> tuple[Files, Problems]:
    """The audio files of all tracks of a split, and what is wrong with their names.

    Args:
        split: an existing folder.
        suffix: such as `.wav`; files with another one are skipped. Default: all audio files count.

    Returns:
        Files and problems by track, sorted by path. In the layout with a folder for each stem the folder of a track,
        `<split>/<track>`, does not exist. Hidden files and folders, `__MACOSX` and files that are no audio are skipped.
    """
    files: Files = {}
    problems: Problems = {}
    paths = _visible(split)
    for path in paths:
        if is_dangling(path):
            problems.setdefault(path, []).append(_dangling(path))
    folders = _audio_of_folders(paths, suffix, problems)
    by_stem = any(path.name == "mixture" and found for path, found in folders.items())
    for folder, audio in folders.items():
        if not by_stem:
            files[folder] = {}
        for file in audio:
            track, stem = (split / file.stem, folder.name) if by_stem else (folder, file.stem)
            found = files.setdefault(track, {})
            if is_dangling(file):
                problems.setdefault(track, []).append(_dangling(file))
            elif stem in found:
                problems.setdefault(track, []).append(f"{file}: a second file for '{stem}', next to {found[stem].name}")
            found.setdefault(stem, file)
    for track, found in files.items():
        if not set(found) - {"mixture"}:
            problems.setdefault(track, []).append(
                f"{track}: holds no stems, where audio files such as vocals{suffix or '.wav'} are expected"
            )
    return dict(sorted(files.items())), problems


def find_stem_files(split: Path, suffix: str | None = None) -> tuple[dict[Path, Path], Problems]:
    """The files of a split that hold a mixture and its stems, by the tracks' folders, which need not exist.

    Args:
        split: an existing folder.
        suffix: see `find_files`; `.mp4` and `.stem.mp4` stand for these files alone.

    Returns:
        The files, and sentences about second ones of a track.
    """
    found: dict[Path, Path] = {}
    problems: Problems = {}
    for path in _visible(split):
        ending = next((ending for ending in STEM_FILES if path.name.lower().endswith(ending)), None)
        if ending and path.is_file() and suffix in (None, path.suffix.lower(), ending):
            track = path.with_name(path.name[: -len(ending)])
            if found.setdefault(track, path) != path:
                problems.setdefault(track, []).append(
                    f"{path}: a second track of this name, next to {found[track].name}"
                )
    return found, problems


def missing_split(dataset: Path, split: str) -> InputError:
    """The error about a split without tracks, with the folder that was probably meant."""
    return InputError(_missing(dataset, split))


def splits_of(dataset: Path) -> list[str]:
    """The splits that a dataset has."""
    return [split for split in SPLITS if (dataset / split).is_dir()]


def is_dangling(path: Path) -> bool:
    """Whether a path is a link that leads nowhere."""
    return path.is_symlink() and not path.exists()


def _dangling(path: Path) -> str:
    return f"{path}: is a link to {os.readlink(path)}, which does not exist"


def _audio_of_folders(paths: list[Path], suffix: str | None, problems: Problems) -> dict[Path, list[Path]]:
    """The audio files in each folder among some paths; adds a problem for a folder that cannot be read."""
    audio = {}
    for path in paths:
        try:
            if path.is_dir():
                audio[path] = _audio(path, suffix)
        except OSError as error:
            problems.setdefault(path, []).append(f"{path}: cannot be read: {error.strerror}")
    return audio


def _audio(folder: Path, suffix: str | None) -> list[Path]:
    return [
        file
        for file in _visible(folder)
        if is_audio(file) and suffix in (None, file.suffix.lower()) and not file.is_dir()
    ]


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".") and path.name != MACOS)


def _missing(dataset: Path, split: str) -> str:
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
