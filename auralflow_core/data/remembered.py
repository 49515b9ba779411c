"""Measurements of tracks in the user's cache, so that no file is decoded twice.

They are kept by the SHA-256 of a track's files. A second record, by the track's folder, holds
these SHA-256 with the files' sizes and times of change, so that unchanged files need not be read again.
"""

import contextlib
import hashlib
import os
from pathlib import Path

import msgspec

from auralflow_core.data.track import Track
from auralflow_core.errors import InputError
from auralflow_core.storage.cache import cache_folder
from auralflow_core.storage.checksums import sha256
from auralflow_core.storage.json_files import read_json, write_json
from auralflow_core.structs import convert

VERSION = 1  # of the measurements; others are made anew


class FileMeasures(msgspec.Struct, frozen=True):
    """Measurements of a file."""

    channels: int
    samples: int
    peak: float  # the largest magnitude, 1 is full scale
    energy: float  # mean square
    side: float  # mean square of half the difference between left and right
    clipped: int  # samples in runs at full scale
    edge: float | None  # Hz at which the spectrum ends abruptly
    lower_rate: int | None  # Hz that the audio was resampled from
    sketch: tuple[float, ...]  # see `auralflow.inspection.sketch`


class TrackMeasures(msgspec.Struct, frozen=True):
    """Measurements of a track whose files were decoded in full."""

    damage: str = ""  # sentences about files that cannot be decoded; then there are no measurements
    files: dict[str, FileMeasures] = {}  # in the order of `Track.files`
    products: tuple[tuple[float, ...], ...] = ()  # of mixture and stems, see `products.inner_products`


class _File(msgspec.Struct, frozen=True):
    size: int
    modified: int  # ns
    sha256: str


def recall(track: Track, by_content: bool = False) -> TrackMeasures | None:
    """The measurements of a track, or None if there are none of its files as they are now.

    Args:
        track: the track.
        by_content: read files that were changed or moved, whose content may be known all the same.
    """
    try:
        before = _read(_record(track), dict[str, _File])
        now = {name: _stamp(path) for name, path in track.files.items()}
        known = before is not None and {name: (file.size, file.modified) for name, file in before.items()} == now
        if not known and not by_content:
            return None
        hashes = [file.sha256 for file in before.values()] if known and before else _hashes(track)
        found = _read(_measures(track, hashes), TrackMeasures)
    except OSError:
        return None
    if found is not None and not known:
        _remember_hashes(track, hashes)
    return found


def remember(track: Track, measures: TrackMeasures) -> None:
    """Keeps the measurements of a track; where nothing can be written, nothing is kept."""
    with contextlib.suppress(OSError, InputError):
        hashes = _hashes(track)
        _write(_measures(track, hashes), measures)
        _remember_hashes(track, hashes)


def _remember_hashes(track: Track, hashes: list[str]) -> None:
    with contextlib.suppress(OSError, InputError):
        stamps = {name: _stamp(path) for name, path in track.files.items()}
        files = {name: _File(*stamps[name], digits) for name, digits in zip(stamps, hashes, strict=True)}
        _write(_record(track), files)


def _hashes(track: Track) -> list[str]:
    return [sha256(path) for path in track.files.values()]


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _record(track: Track) -> Path:
    """The file that knows a track's folder."""
    names = "\0".join([os.path.realpath(track.path), *track.files])
    return cache_folder("inspections") / "folders" / f"{_digest(names)}.json"


def _measures(track: Track, hashes: list[str]) -> Path:
    """The file with the measurements of files of some content and names."""
    return (
        cache_folder("inspections") / "tracks" / f"{_digest(chr(0).join([str(VERSION), *track.files, *hashes]))}.json"
    )


def _digest(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()


def _read(path: Path, kind):
    try:
        return convert(read_json(path), kind)
    except (InputError, msgspec.ValidationError):
        return None


def _write(path: Path, value) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, msgspec.json.decode(msgspec.json.encode(value)))
