"""Datasets of generated songs on disk."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from rich.console import Console

from auralflow.songs.song import check_song, make_song, require_sampler
from auralflow_core.console.progress import progress_bar
from auralflow_core.console.text import count
from auralflow_core.errors import NO_ROOM, InputError
from auralflow_core.storage.claims import claiming
from auralflow_core.storage.json_files import read_json, write_json
from auralflow_core.storage.staging import is_vacant, staging

UNFINISHED = ".unfinished.json"  # what is being made in a folder, until it is complete
SPLITS = ("train", "valid", "test", "train", "train", "train", "train")  # of the songs 0, 1, 2, ..., repeated


def make_songs(
    directory: str | os.PathLike,
    tracks: int = 6,
    seconds: float = 20.0,
    seed: int = 0,
    sample_rate: int = 44100,
    progress: Callable[[int, int], None] | None = None,
    sound: str = "synthesized",
    soundfont: str | os.PathLike | None = None,
    keep: bool = False,
) -> list[Path]:
    """Writes a dataset: `<directory>/<split>/<track>/{mixture,vocals,drums,bass,other}.wav`, 16 bits, stereo.

    A song and its split depend only on the seed and the song's number, so a larger dataset contains a smaller one. The
    mixture is the exact sum of the stems. A track's folder appears when it is complete.

    Args:
        directory: the folder for the splits; other tracks in it are kept.
        tracks: number of songs, at least 3: one in each of train, valid and test.
        seconds: length of each song, at least 2.
        seed: of everything.
        sample_rate: Hz, at least 8000; of sampled songs at most 96000.
        progress: called with (songs done, songs in all) after each one.
        sound: see `make_song`.
        soundfont: see `make_song`.
        keep: keep existing songs, whatever their length, as after an interruption; default: replace them.

    Returns:
        The folders of the tracks.

    Raises:
        InputError: a number is out of range, the directory cannot be written, or a program is missing.
        OSError: the disk is full or read-only.
        MissingPackage: see `make_song`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     [path.parent.name for path in make_songs(folder, tracks=3, seconds=2, sample_rate=8000)]
        ['train', 'valid', 'test']
    """
    soundfont = check_songs(tracks, seconds, seed, sample_rate, sound, soundfont)
    folders = []
    for index in range(tracks):
        folder = Path(directory) / SPLITS[index % len(SPLITS)] / f"song-{seed}-{index:03d}"
        try:
            if not (keep and folder.is_dir()):
                _write_track(folder, make_song((seed, index), seconds, sample_rate, sound, soundfont), sample_rate)
        except OSError as error:
            if error.errno is None:
                raise
            if error.errno in NO_ROOM:
                raise OSError(error.errno, error.strerror, str(folder)) from None
            raise InputError(f"{folder}: cannot be written: {error.strerror or error}") from None
        folders.append(folder)
        if progress:
            progress(index + 1, tracks)
    return folders


def make_new_songs(directory: str | os.PathLike, **options: Any) -> list[Path]:
    """Writes a dataset into a new or empty folder, or goes on where a process that was ended has left one.

    Args:
        directory: the folder for the splits.
        options: see `make_songs`.

    Returns:
        The folders of the tracks.

    Raises:
        InputError, MissingPackage: as `make_songs` does; or the folder holds something else, or
            another process makes songs there.
    """
    directory, record = Path(directory), Path(directory, UNFINISHED)
    about = {name: value for name, value in options.items() if name != "progress"}
    check_songs(**about)
    if not is_vacant(directory) and not (record.exists() and read_json(record) == about):
        raise InputError(f"{directory}: is not empty; a new or empty folder is expected")
    try:
        with claiming(directory, [UNFINISHED]):
            write_json(record, about)
            folders = make_songs(directory, **options, keep=True)
            record.unlink()
    except PermissionError as error:
        raise InputError(f"{directory}: cannot be written: {error.strerror}") from None
    return folders


def complete_songs(
    directory: str | os.PathLike,
    tracks: int,
    seconds: float,
    console: Console,
    seed: int = 0,
    sound: str = "synthesized",
) -> None:
    """Makes the songs of a dataset that do not exist yet, and shows the progress.

    Args:
        directory: the folder for the splits.
        tracks: number of songs, at least 3.
        seconds: length of each song, at least 2.
        console: where progress is shown.
        seed: of everything.
        sound: `synthesized` or `sampled`.

    Raises:
        InputError, MissingPackage: as `make_songs` does.
    """
    with progress_bar(tracks, "songs", console) as advance:
        make_songs(
            directory,
            tracks,
            seconds,
            seed,
            sound=sound,
            keep=True,
            progress=lambda done, total: advance("making songs", done),
        )
    console.print(f"{count(tracks, f'{sound} song')} of {seconds:g} s in {directory}")


def check_songs(
    tracks: int,
    seconds: float,
    seed: int = 0,
    sample_rate: int = 44100,
    sound: str = "synthesized",
    soundfont: str | os.PathLike | None = None,
) -> str | os.PathLike | None:
    """Checks the arguments of `make_songs`, and returns the soundfont.

    Raises:
        InputError, MissingPackage: as `make_songs` does.
    """
    if tracks < 3:
        raise InputError(f"tracks is {tracks}, expected at least 3: one each for train, valid and test")
    check_song(seconds, seed, sample_rate, sound)
    return require_sampler(soundfont) if sound == "sampled" else soundfont


def _write_track(folder: Path, stems: dict[str, np.ndarray], sample_rate: int) -> None:
    """Writes the stems as 16-bit integers, and their sum; the folder gets its name when it is complete."""
    whole = {name: np.rint(stem * 32767).astype(np.int16).T for name, stem in stems.items()}
    whole["mixture"] = np.sum([samples.astype(np.int32) for samples in whole.values()], axis=0).astype(np.int16)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with staging(folder.parent.parent) as aside:
        staged = aside / "new"
        staged.mkdir()
        for name, samples in whole.items():
            try:
                soundfile.write(staged / f"{name}.wav", samples, sample_rate, subtype="PCM_16")
            except soundfile.LibsndfileError as error:
                reason = error.error_string.rstrip(".")
                raise OSError(f"{folder}: cannot be written, the disk may be full ({reason})") from None
        if folder.exists():
            folder.rename(aside / "old")
        staged.rename(folder)
