"""The inputs of separation: audio files, folders of them, tracks."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from auralflow_core.audio import channel_mask, ffmpeg, find_damage, is_audio, probe
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
    inputs: Iterable[str | Path], start: float = 0.0, duration: float | None = None, *, tolerate_damage: bool = False
) -> tuple[list[AudioInput], list[str]]:
    """Finds the files to separate, and reads the properties of each.

    Args:
        inputs: audio files; folders of audio files; tracks, that is folders that hold a `mixture` and are separated
            under the folder's name. In folders, hidden files and files that are no audio are skipped.
        start: the second at which the part begins.
        duration: length of the part in seconds; a file that ends earlier is separated to its end. Default: all.
        tolerate_damage: go on with what can be read of a damaged file; every file is decoded once to find out.

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
    for path in map(Path, inputs):
        try:
            files = _files(path)
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


def _files(path: Path) -> list[tuple[str, Path]]:
    """The track names and audio files of one input."""
    if not path.is_dir():
        return [(_track_name(path), path)]
    files = sorted(
        file
        for file in path.iterdir()
        if has_audio_suffix(file) and not file.name.startswith(".") and not file.is_dir()
    )
    if not files:
        raise InputError(
            f"{path}: holds no audio files; an audio file, a folder of them, or a track's folder with "
            "a mixture is expected"
        )
    mixtures = [file for file in files if file.stem == "mixture"]
    if len(mixtures) > 1:
        raise InputError(f"{path}: holds {' and '.join(file.name for file in mixtures)}, where one mixture is expected")
    return [(path.resolve().name, mixtures[0])] if mixtures else [(_track_name(file), file) for file in files]


def _track_name(path: Path) -> str:
    """The file's name without its suffix; that of `song.stem.mp4`, a mixture with its stems, is `.stem.mp4`."""
    return path.stem.removesuffix(".stem") if path.suffix.lower() == ".mp4" else path.stem


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
        damage = f"{damage}; separated is what can be read, {info.samples} samples ({seconds:.2f} s)"
    samples = min(wanted, info.samples - first)
    return AudioInput(name, path, first, samples, info.sample_rate, info.channels, mask, damage)
