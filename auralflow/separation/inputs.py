"""The inputs of separation: audio files, folders of them, tracks."""

import dataclasses
import os
from collections.abc import Iterable
from pathlib import Path

from auralflow_core.audio import channel_mask, ffmpeg, find_damage, is_audio, probe
from auralflow_core.console.text import count
from auralflow_core.errors import InputError, sentence


@dataclasses.dataclass(frozen=True)
class AudioInput:
    """A part of an audio file, to be separated."""

    name: str  # of the track
    path: Path
    start: int  # the first sample
    samples: int
    sample_rate: int  # Hz
    channels: int
    mask: int = 0  # bits of the channels' places, see `audio.channel_mask`
    damage: str = ""  # a sentence about what cannot be read; the part is of what can
    index: int = 1  # its number among all files that were named, also those that cannot be separated

    @property
    def seconds(self) -> float:
        """The duration of the part."""
        return self.samples / self.sample_rate


def has_audio_suffix(path: Path) -> bool:
    """Whether the name has a suffix that libsndfile or ffmpeg knows; the file is not opened."""
    return is_audio(path) or path.suffix.lower() in ffmpeg.SUFFIXES


def find_inputs(
    inputs: Iterable[str | Path],
    start: float = 0.0,
    duration: float | None = None,
    *,
    tolerate_damage: bool = False,
    passed_over: Path | None = None,
) -> tuple[list[AudioInput], list[str]]:
    """Finds the files to separate, and reads the properties of each.

    Args:
        inputs: audio files; folders of audio files; tracks, that is folders that hold a `mixture` and are separated
            under the folder's name. In folders, hidden files and files that are no audio are skipped. A folder without
            audio stands for all folders in it.
        start: the second at which the part begins.
        duration: length of the part in seconds; a file that ends earlier is separated to its end. Default: all.
        tolerate_damage: go on with what can be read of a damaged file; every file is decoded once to find out.
        passed_over: a folder that is not looked into where it lies in another one, such as that of the stems.

    Returns:
        The parts to separate, and a sentence for each input that cannot be separated: a file that is missing, damaged
        or shorter than `start`, a folder without audio.

    Raises:
        InputError: `start` or `duration` is out of range, or no input can be separated.
    """
    if not 0 <= start < float("inf"):
        raise InputError(f"start is {start} s, expected 0 or more")
    if duration is not None and not 0 < duration < float("inf"):
        raise InputError(f"duration is {duration} s, expected more than 0")
    found, problems, index = [], [], 0
    for given in inputs:
        try:
            if given == "":  # which Path takes for the current folder
                raise InputError("the name of an input is empty, expected that of a file or folder")
            files = _files(Path(given), passed_over, problems)
        except InputError as error:
            problems.append(str(error))
            continue
        except OSError as error:
            problems.append(sentence(error))
            continue
        for name, file in files:
            index += 1
            try:
                separated = _audio_input(name, file, start, duration, tolerate_damage)
                found.append(dataclasses.replace(separated, index=index))
            except InputError as error:
                problems.append(str(error))
    if not found:
        raise InputError(problems[0] if len(problems) == 1 else "\n  ".join(["nothing to separate:", *problems]))
    return found, problems


def left_out(inputs: Iterable[str | Path], passed_over: Path | None = None) -> list[str]:
    """A sentence for each input folder that has audio files, which are separated, and folders of others, which are not.

    Args:
        inputs: see `find_inputs`.
        passed_over: see `find_inputs`.
    """
    notes = []
    for path in map(Path, inputs):
        files = _audio_in(path) if path.is_dir() else []
        if files and all(file.stem != "mixture" for file in files):
            names = [
                folder.name for folder in _subfolders(path, passed_over) if _tracks(folder, passed_over, [], set())
            ]
            if names:
                notes.append(
                    f"{path}: the folders in it are left out: {', '.join(names)}; name them, too, to add them."
                )
    return notes


def _files(path: Path, passed_over: Path | None, problems: list[str]) -> list[tuple[str, Path]]:
    """The track names and audio files of one input; adds a sentence for each folder in it that cannot be separated."""
    if not path.is_dir():
        return [(_track_name(path), path)]
    before = len(problems)
    files = _tracks(path, passed_over, problems, set())
    if not files and len(problems) == before:
        raise InputError(
            f"{path}: holds no audio files; an audio file, a folder of them, or a track's folder with "
            "a mixture is expected"
        )
    return files


def _tracks(path: Path, passed_over: Path | None, problems: list[str], seen: set[str]) -> list[tuple[str, Path]]:
    """The same of a folder, or of all folders in it; `seen` are those that have been looked into."""
    if (place := os.path.realpath(path)) in seen:  # a link that leads back
        return []
    seen.add(place)
    try:
        files, folders = _audio_in(path), _subfolders(path, passed_over)
    except OSError as error:  # of this folder; others are separated
        problems.append(sentence(error))
        return []
    mixtures = [file for file in files if file.stem == "mixture"]
    if len(mixtures) > 1:
        problems.append(f"{path}: holds {' and '.join(file.name for file in mixtures)}, where one mixture is expected")
        return []
    if mixtures:
        return [(path.resolve().name, mixtures[0])]
    if files:
        return [(_track_name(file), file) for file in files]
    return [pair for folder in folders for pair in _tracks(folder, passed_over, problems, seen)]


def _audio_in(folder: Path) -> list[Path]:
    """The audio files in a folder, without hidden ones."""
    return sorted(
        file
        for file in folder.iterdir()
        if has_audio_suffix(file) and not file.name.startswith(".") and not file.is_dir()
    )


def _subfolders(folder: Path, passed_over: Path | None) -> list[Path]:
    """The folders in a folder, without hidden ones."""
    stems = passed_over and os.path.realpath(passed_over)
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_dir() and not path.name.startswith(".") and os.path.realpath(path) != stems
    )


def _track_name(path: Path) -> str:
    """The file's name without its suffix; that of `song.stem.mp4`, a mixture with its stems, is `.stem.mp4`."""
    return path.stem.removesuffix(".stem") if path.suffix.lower() in (".mp4", ".m4a") else path.stem


def _audio_input(name: str, path: Path, start: float, duration: float | None, tolerate_damage: bool) -> AudioInput:
    damage = find_damage(path) if tolerate_damage else ""
    info = probe(path, tolerate_damage=bool(damage))
    mask = channel_mask(path, tolerate_damage=bool(damage))
    seconds = info.samples / info.sample_rate
    if start * info.sample_rate >= info.samples - 0.5:  # before it is rounded, as it can be infinite
        raise InputError(f"{path}: start is {start:g} s, but the file is only {seconds:.3f} s long")
    first = round(start * info.sample_rate)
    wanted = info.samples if duration is None else max(1, round(min(duration * info.sample_rate, info.samples)))
    if damage:
        damage = f"{damage}; separated is what can be read, {count(info.samples, 'sample')} ({seconds:.2f} s)"
    samples = min(wanted, info.samples - first)
    return AudioInput(name, path, first, samples, info.sample_rate, info.channels, mask, damage)
