"""Reading audio files: their properties, the whole audio, a crop, or block by block.

libsndfile reads the formats that it knows. ffmpeg, where it is installed, reads all others, and files of which
libsndfile would read only a part.
"""

import functools
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from auralflow_core.audio import ffmpeg, libsndfile
from auralflow_core.audio.check import check_rate, find_unusable
from auralflow_core.audio.containers import examine
from auralflow_core.audio.structure import AudioInfo, DamagedAudio, DoubtfulAudio, Structure
from auralflow_core.console.text import count
from auralflow_core.errors import InputError
from auralflow_core.limits import LOUDEST

AUDIO_SUFFIXES = libsndfile.SUFFIXES
BLOCK = 1 << 16  # samples that are decoded at a time


class Source(NamedTuple):
    """A stream of audio, and how it is read."""

    path: Path
    stream: int
    info: AudioInfo
    mask: int  # of the channels' places; 0: unknown
    structure: Structure
    by_ffmpeg: bool
    tolerate_damage: bool


def is_audio(path: str | os.PathLike) -> bool:
    """Whether the name has a suffix of `AUDIO_SUFFIXES`; the file is not opened."""
    return Path(path).suffix.lower() in AUDIO_SUFFIXES


def probe(path: str | os.PathLike, stream: int = 0, *, tolerate_damage: bool = False) -> AudioInfo:
    """Rate, channels and length of an audio file, the length being the number of samples that can be decoded.

    Args:
        path: of the file.
        stream: number of the stream in a container with several; a `.stem.mp4` holds the mixture and its stems.
        tolerate_damage: whatever can be read of a damaged file is the whole of it; see `find_damage`.

    Raises:
        InputError: the file is missing, a folder, empty or in an unknown format, or its rate is beyond `MAX_RATE`.
        DamagedAudio: it is truncated, or its structure is damaged.
    """
    return _source(path, stream, tolerate_damage).info


def channel_mask(path: str | os.PathLike, stream: int = 0, *, tolerate_damage: bool = False) -> int:
    """The bits of the channels' places, as in a WAVE file's header; 0 where the file does not tell them.

    Args:
        path: of the file.
        stream: see `probe`.
        tolerate_damage: see `probe`.

    Raises:
        InputError: as `probe`.
    """
    return _source(path, stream, tolerate_damage).mask


def find_damage(path: str | os.PathLike, stream: int = 0) -> str:
    """Decodes a whole file; returns a sentence about audio that is missing or cannot be decoded, or "".

    Raises:
        InputError: as `probe`.
    """
    try:
        for _ in read_blocks(path, stream=stream):
            pass
    except DamagedAudio as error:
        return str(error)
    return ""


def read(
    path: str | os.PathLike,
    start: int = 0,
    samples: int | None = None,
    stream: int = 0,
    *,
    tolerate_damage: bool = False,
) -> tuple[np.ndarray, int]:
    """Reads a file, or a crop of it without decoding the rest.

    Args:
        path: of a file of a format in `AUDIO_SUFFIXES`, or with ffmpeg installed of any format that ffmpeg knows.
        start: the first sample.
        samples: number of samples; a crop that reaches beyond the end of the file ends there. Default: all.
        stream: see `probe`.
        tolerate_damage: see `probe`; values that audio cannot have become 0.

    Returns:
        float32 audio `(channels, samples)`, channels in WAVE order, and its sample rate in Hz.

    Raises:
        InputError: as `probe`; also a `start` beyond the end.
        DamagedAudio: as `probe`; also audio that cannot be decoded, NaN, infinity, or values beyond `LOUDEST`.
    """
    source = _source(path, stream, tolerate_damage)
    wanted = _wanted(source, start, samples)
    # In one piece, as that is faster and a crop is short.
    blocks = list(_blocks(source, start, wanted, BLOCK if source.by_ffmpeg else wanted))
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=-1), source.info.sample_rate


def read_blocks(
    path: str | os.PathLike,
    start: int = 0,
    samples: int | None = None,
    stream: int = 0,
    *,
    tolerate_damage: bool = False,
) -> Iterator[np.ndarray]:
    """Reads a file block by block, in memory that does not grow with its length.

    Args:
        path: as for `read`.
        start: the first sample.
        samples: number of samples; default: all.
        stream: see `probe`.
        tolerate_damage: as for `read`.

    Yields:
        float32 audio `(channels, samples)`, at most `BLOCK` samples each.

    Raises:
        InputError: as `read`, once the fault is reached.
    """
    source = _source(path, stream, tolerate_damage)
    yield from _blocks(source, start, _wanted(source, start, samples), BLOCK)


def _source(path: str | os.PathLike, stream: int, tolerate_damage: bool) -> Source:
    """Finds out how a file is read."""
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder, where an audio file is expected")
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path}: is a pipe or a device, where an audio file is expected")
        if status.st_size == 0:
            raise InputError(f"{path}: is empty (0 bytes), where an audio file is expected")
        find = _tolerant_source if tolerate_damage else _strict_source
        source = find(path, stream, ffmpeg.is_installed(), status.st_mtime_ns, status.st_size)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    check_rate(source.info.sample_rate, f"{path}: its sample rate")
    return source


@functools.lru_cache(maxsize=1 << 16)
def _strict_source(path: Path, stream: int, has_ffmpeg: bool, modified: int, size: int) -> Source:
    structure = examine(path)
    if structure.damage:
        raise DamagedAudio(f"{path}: {structure.damage}")
    try:
        info = libsndfile.probe(path, structure)
    except DoubtfulAudio:
        if not has_ffmpeg:
            raise
        return Source(path, stream, *ffmpeg.probe(path, stream, structure), structure, True, False)
    if stream != 0:
        raise InputError(f"{path}: holds one stream of audio, number 0; got number {stream}")
    return Source(path, stream, info, structure.mask, structure, False, False)


@functools.lru_cache(maxsize=1 << 16)
def _tolerant_source(path: Path, stream: int, has_ffmpeg: bool, modified: int, size: int) -> Source:
    structure = examine(path)
    if has_ffmpeg:
        try:
            return Source(path, stream, *ffmpeg.probe(path, stream, structure, True), structure, True, True)
        except InputError:
            pass  # a format that libsndfile alone reads
    return Source(path, stream, libsndfile.count(path), structure.mask, structure, False, True)


def _wanted(source: Source, start: int, samples: int | None) -> int:
    """The number of samples of a crop."""
    length = source.info.samples
    if not 0 <= start < length:
        raise InputError(f"{source.path}: cannot be read from sample {start}, it has {count(length, 'sample')}")
    return length - start if samples is None else min(samples, length - start)


def _blocks(source: Source, start: int, samples: int, block: int) -> Iterator[np.ndarray]:
    """Checked pieces (channels, samples)."""
    path, position, end = source.path, start, start + samples
    if not source.by_ffmpeg:
        try:
            for data in libsndfile.read_blocks(path, source.structure, start, samples, block):
                yield _checked(source, data, position)
                position += len(data)
            return
        except DoubtfulAudio:
            if not ffmpeg.is_installed():
                raise
            ffmpeg.probe(path, source.stream, source.structure)
    for data in ffmpeg.read_blocks(
        path, source.stream, source.info, source.structure, position, end - position, BLOCK, source.tolerate_damage
    ):
        yield _checked(source, data, position)
        position += len(data)


def _checked(source: Source, data: np.ndarray, start: int) -> np.ndarray:
    """Turns (samples, channels), from `start` on, into (channels, samples); refuses values that audio cannot have."""
    if (found := find_unusable(data)) is not None:
        (sample, _), _, kind = found
        if not source.tolerate_damage:
            raise DamagedAudio(
                f"{source.path}: holds {kind}, the first in sample {start + sample}, where audio lies about within "
                "[-1, 1]"
            )
        data = np.where(np.abs(data) <= LOUDEST, data, np.float32(0))
    return np.ascontiguousarray(data.T)
