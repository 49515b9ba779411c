"""Tracks that are one file each, `.stem.mp4`: their streams are decoded once, into the user's cache.

ffmpeg decodes from the beginning of a file, which is too slow for random crops. The decoded copy of a dataset is a
folder in the usual layout, `<dataset>-<digits>/<split>/<track>/<stem>.flac`; a track is decoded anew when its file has
another size or time of change.
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout
from rich.console import Console

from auralflow_core.audio import ffmpeg, mp4, probe, read_blocks
from auralflow_core.audio.encode import Encoding, Writer
from auralflow_core.audio.stem_mp4 import STEMS, recognise
from auralflow_core.console.interrupts import check
from auralflow_core.console.text import count, data_size, printable_lines
from auralflow_core.data.layout import Files, Problems
from auralflow_core.data.parallel import map_tracks
from auralflow_core.data.track import Track
from auralflow_core.errors import InputError
from auralflow_core.storage.atomic import new_folder
from auralflow_core.storage.cache import cache_folder
from auralflow_core.storage.json_files import read_json

VERSION = 1  # of the copies; others are made anew
SOURCE = "source.json"  # the file in a copy that says what it is a copy of
FEW = 4096  # samples by which a stream may be longer or shorter than the mixture
SHARES = {16: 0.45, 24: 0.62}  # by bits, the part of PCM that FLAC takes; measured of a song of MUSDB18
NAME = 40  # characters of a dataset's name in the cache


class Packed(NamedTuple):
    """A track in one file, by its header."""

    file: Path
    copy: Path  # its folder in the cache
    track: Track  # whose files are all the same one
    bits: int  # of a sample of the copy


def unpack(files: Mapping[Path, Path]) -> tuple[Files, Problems]:
    """The decoded files of tracks; those that are not in the cache are decoded, in several threads, with a bar.

    Before, a line on standard error says how large the copy will be and where.

    Args:
        files: by the folders that the tracks would have, all in one split.

    Returns:
        The files by stem, and sentences about tracks that cannot be decoded.

    Raises:
        InputError: ffmpeg is not on the PATH, the cache cannot be written to or has less room than the copy needs.
        OSError: the copy cannot be written.
        KeyboardInterrupt: the process was asked to end; tracks that are decoded stay so.
    """
    if not files:
        return {}, {}
    home = _home(next(iter(files)))
    copies = {path: home / path.parent.name / path.name for path in files}
    problems: Problems = {}
    if not all(map(_is_copy, copies.values(), files.values())):  # else the cache may be read-only
        with _alone(home):
            problems = _decode_all(files, copies, home)
    return {path: _files(copies[path]) for path in files if path not in problems}, problems


def _decode_all(files: Mapping[Path, Path], copies: Mapping[Path, Path], home: Path) -> Problems:
    """Makes the copies that are missing; returns sentences about tracks that cannot be decoded."""
    todo = {path: file for path, file in files.items() if not _is_copy(copies[path], file)}
    packed, problems = _read_headers(todo, copies) if todo else ({}, {})
    if packed:
        _announce(packed, home)
        found = map_tracks(lambda track: _decode(packed[track.path]), [p.track for p in packed.values()], "decoding")
        problems |= {path: [text] for path, text in zip(packed, found, strict=True) if text}
    return problems


def _files(copy: Path) -> dict[str, Path]:
    """The files of a copy, by the names of the stems."""
    return {name: copy / f"{name}.flac" for name in ("mixture", *STEMS)}


def _home(track: Path) -> Path:
    """The folder of the copies of a track's dataset."""
    dataset = track.parents[1].resolve()
    digits = hashlib.sha256(os.fsencode(dataset)).hexdigest()[:8]
    return cache_folder("stems") / f"{dataset.name[:NAME]}-{digits}"


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Lets one process at a time look and decode; others, such as the ranks of one run, wait for it.

    Raises:
        InputError: the folder cannot be written to.
    """
    lock = FileLock(home / ".lock")
    while True:
        try:
            home.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0.5)
            break
        except Timeout:
            check()
        except NotImplementedError:  # the file system has no locks
            break
        except OSError as error:
            raise InputError(
                f"{home}: cannot be written to ({error.strerror or error}), where .stem.mp4 is decoded into; "
                "the environment variable XDG_CACHE_HOME names another folder"
            ) from None
    try:
        yield
    finally:
        lock.release()


def _source(file: Path) -> dict[str, int]:
    status = file.stat()
    return {"version": VERSION, "size": status.st_size, "modified": status.st_mtime_ns}


def _is_copy(copy: Path, file: Path) -> bool:
    """Whether a folder of the cache is a copy of a file as it is now."""
    try:
        return read_json(copy / SOURCE) == _source(file) and all(path.exists() for path in _files(copy).values())
    except (InputError, OSError):
        return False


def _read_headers(files: Mapping[Path, Path], copies: Mapping[Path, Path]) -> tuple[dict[Path, Packed], Problems]:
    """What the headers of files tell; sentences about those that have no mixture and four stems."""
    if not ffmpeg.is_installed():
        raise InputError(
            f"{next(iter(files)).parent}: {count(len(files), 'track')} in .stem.mp4 are decoded by the commands ffmpeg "
            "and ffprobe, which are not both on the PATH"
        )
    packed: dict[Path, Packed] = {}
    problems: Problems = {}
    for path, file in files.items():
        check()
        try:
            packed[path] = _read_header(path, file, copies[path])
        except InputError as error:
            problems[path] = [str(error)]
    return packed, problems


def _read_header(path: Path, file: Path, copy: Path) -> Packed:
    streams = ffmpeg.headers(file)
    if len(streams) != 1 + len(STEMS):
        raise InputError(
            f"{file}: holds {count(len(streams), 'stream')} of audio, where the mixture and {len(STEMS)} stems are "
            "expected"
        )
    rate, channels = int(streams[0].get("sample_rate", 0)), int(streams[0].get("channels", 0))
    if rate < 1 or channels < 1:
        raise InputError(f"{file}: no audio file that can be read (ffmpeg: no rate or no channels)")
    samples = round(float(streams[0].get("duration", 0)) * rate)
    track = Track(path.name, path, dict.fromkeys(STEMS, file), file, rate, channels, samples)
    deep = any(stream.get("bits_per_raw_sample") == "24" for stream in streams)  # of ALAC
    return Packed(file, copy, track, 24 if deep else 16)


def _announce(packed: Mapping[Path, Packed], home: Path) -> None:
    """Says how large the copies will be, and where.

    Raises:
        InputError: there is less room.
    """
    size = sum(SHARES[p.bits] * 5 * p.track.samples * p.track.channels * p.bits / 8 for p in packed.values())
    free = shutil.disk_usage(home).free
    if size > free:
        raise InputError(
            f"{home}: has {data_size(free)} free, and {count(len(packed), 'track')} decoded from .stem.mp4 take about "
            f"{data_size(size)}; the environment variable XDG_CACHE_HOME names another folder"
        )
    Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False).print(
        printable_lines(
            f"Decoding {count(len(packed), 'track')} of .stem.mp4 once, into about {data_size(size)} of flac in "
            f"{home}, a folder that can be removed at any time and is then made again."
        )
    )


def _decode(packed: Packed) -> str:
    """Writes the copy of a track; returns a sentence about what is wrong with its file, or ""."""
    shutil.rmtree(packed.copy, ignore_errors=True)  # of the file as it was
    try:
        source = _source(packed.file)
        infos = [probe(packed.file, stream=stream) for stream in range(1 + len(STEMS))]
        for stream, info in enumerate(infos):
            if info.sample_rate != infos[0].sample_rate or abs(info.samples - infos[0].samples) > FEW:
                return (
                    f"{packed.file}: its stream {stream} has {count(info.samples, 'sample')} at {info.sample_rate} Hz, "
                    f"and the mixture {infos[0].samples} at {infos[0].sample_rate} Hz"
                )
            if info.channels > 2:
                return f"{packed.file}: its stream {stream} has {info.channels} channels; mono or stereo is accepted"
        names = ("mixture", *recognise(mp4.stem_names(packed.file)))
        with new_folder(packed.copy) as aside:
            for stream, name in enumerate(names):
                target = aside / f"{name}.flac"
                encoding, shown = Encoding("flac", packed.bits), packed.copy / target.name
                with contextlib.closing(Writer(target, shown, encoding, *infos[stream])) as writer:
                    for block in read_blocks(packed.file, stream=stream):
                        check()
                        writer.write(block)
                writer.check()
            (aside / SOURCE).write_text(json.dumps(source), encoding="utf-8")
    except InputError as error:
        return str(error)
    return ""
