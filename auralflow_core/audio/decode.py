"""Reading audio files: their properties, the whole audio, a crop, or block by block.

libsndfile reads the formats that it knows; ffmpeg, where it is installed, reads all others.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from auralflow_core.audio import ffmpeg
from auralflow_core.audio.containers import ForwardFile, check_chunks, streamed_mp3_samples
from auralflow_core.errors import InputError

AUDIO_SUFFIXES = (".aif", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".rf64", ".w64", ".wav")
BLOCK = 1 << 16  # samples that are decoded at a time
LEAD = 1 << 16  # samples decoded and dropped before a crop of a lossy file
TAIL = 1 << 19  # more samples than the last page of an ogg file holds


class UnknownFormat(InputError):
    """libsndfile does not know a file's format."""


class AudioInfo(NamedTuple):
    """The properties of an audio file."""

    sample_rate: int  # Hz
    channels: int
    samples: int  # per channel


def is_audio(path: str | os.PathLike) -> bool:
    """Whether the name has a suffix of `AUDIO_SUFFIXES`; the file is not opened."""
    return Path(path).suffix.lower() in AUDIO_SUFFIXES


def probe(path: str | os.PathLike, stream: int = 0) -> AudioInfo:
    """Rate, channels and length of an audio file, the length being the number of samples that can be decoded.

    Args:
        path: of the file.
        stream: number of the stream in a container with several; a `.stem.mp4` holds the mixture and its stems.

    Raises:
        InputError: the file is missing, a folder, empty, in an unknown format or truncated.
    """
    try:
        with _opened(path, stream) as (file, samples):
            # libsndfile takes the length of these two from the header, without a look at the end of the file.
            if file.format in ("FLAC", "MP3") and not _reaches(file, samples):
                raise _truncated(path, samples, _count(path))
            return AudioInfo(file.samplerate, file.channels, samples)
    except UnknownFormat:
        if not ffmpeg.is_installed():
            raise
        info = AudioInfo(*ffmpeg.probe(Path(path), stream))
        if info.samples == 0:
            raise InputError(f"{path}: holds no audio (0 samples)") from None
        return info


def read(
    path: str | os.PathLike, start: int = 0, samples: int | None = None, stream: int = 0
) -> tuple[np.ndarray, int]:
    """Reads a file, or a crop of it without decoding the rest.

    Args:
        path: of a file of a format in `AUDIO_SUFFIXES`, or with ffmpeg installed of any format that ffmpeg knows.
        start: the first sample.
        samples: number of samples; a crop that reaches beyond the end of the file ends there. Default: all.
        stream: see `probe`.

    Returns:
        float32 audio `(channels, samples)` and its sample rate in Hz.

    Raises:
        InputError: as `probe`; also a `start` beyond the end, damaged audio, NaN or infinity.
    """
    try:
        with _opened(path, stream) as (file, length):
            wanted, rate = _wanted(path, start, samples, length), file.samplerate
            # In one piece, as that is faster and a crop is short.
            blocks = list(_blocks(path, file, start, wanted, wanted, length))
    except UnknownFormat:
        rate = probe(path, stream).sample_rate
        blocks = list(read_blocks(path, start, samples, stream=stream))
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=-1), rate


def read_blocks(
    path: str | os.PathLike, start: int = 0, samples: int | None = None, stream: int = 0
) -> Iterator[np.ndarray]:
    """Reads a file block by block, in memory that does not grow with its length.

    Args:
        path: as for `read`.
        start: the first sample.
        samples: number of samples; default: all.
        stream: see `probe`.

    Yields:
        float32 audio `(channels, samples)`, at most `BLOCK` samples each.

    Raises:
        InputError: as `read`, once the fault is reached.
    """
    try:
        with _opened(path, stream) as (file, length):
            yield from _blocks(path, file, start, _wanted(path, start, samples, length), BLOCK, length)
    except UnknownFormat:
        info = probe(path, stream)
        wanted = _wanted(path, start, samples, info.samples)
        position = start
        for data in ffmpeg.read_blocks(Path(path), stream, info.channels, start, wanted, BLOCK):
            yield _checked(path, data, position)
            position += len(data)


@contextlib.contextmanager
def _opened(path: str | os.PathLike, stream: int) -> Iterator[tuple[soundfile.SoundFile, int]]:
    """Opens a file for reading; yields it and the length by its header, or by counting where the header lacks it."""
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder, where an audio file is expected")
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path}: is a pipe or a device, where an audio file is expected")
        if status.st_size == 0:
            raise InputError(f"{path}: is empty (0 bytes), where an audio file is expected")
        check_chunks(path)
        file = ForwardFile(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: a file named .raw, which has no header
        raise UnknownFormat(
            f"{path}: no audio file that can be read ({_reason(error)}); known formats: "
            f"{', '.join(suffix[1:] for suffix in AUDIO_SUFFIXES)}, and with the commands ffmpeg and "
            "ffprobe on the PATH all that they read"
        ) from None
    with file:
        if stream != 0:
            raise InputError(f"{path}: holds one stream of audio, number 0; got number {stream}")
        samples = (streamed_mp3_samples(path) if file.format == "MP3" else None) or file.frames
        if samples == 0:
            raise InputError(f"{path}: holds no audio (0 samples)")
        if samples > 1 << 60:  # libsndfile's value for an unknown length
            raise InputError(f"{path}: its header lacks the length; convert it to a new file")
        yield file, samples


def _wanted(path: str | os.PathLike, start: int, samples: int | None, length: int) -> int:
    """The number of samples of a crop."""
    if not 0 <= start < length:
        raise InputError(f"{path}: cannot be read from sample {start}, it has {length} samples")
    return length - start if samples is None else min(samples, length - start)


def _blocks(
    path: str | os.PathLike, file: soundfile.SoundFile, start: int, samples: int, block: int, length: int
) -> Iterator[np.ndarray]:
    """Checked pieces (channels, samples) of an open file."""
    position, end = start, start + samples
    while position < end:
        wanted = min(block, end - position)
        try:
            data = _decode(file, start, wanted) if position == start else _read(file, wanted)
        except soundfile.LibsndfileError as error:
            raise InputError(
                f"{path}: damaged, samples {position} to {position + wanted} of {length} "
                f"cannot be decoded ({_reason(error)})"
            ) from None
        if len(data) < wanted:
            raise _truncated(path, length, _count(path))
        yield _checked(path, data, position)
        position += wanted


def _checked(path: str | os.PathLike, data: np.ndarray, start: int) -> np.ndarray:
    """Turns (samples, channels) into (channels, samples), and refuses values that are not finite."""
    if not np.isfinite(data).all():
        raise InputError(
            f"{path}: holds NaN or infinite values between samples {start} and {start + len(data)}, "
            "where audio has finite ones"
        )
    return np.ascontiguousarray(data.T)


def _decode(file: soundfile.SoundFile, start: int, samples: int) -> np.ndarray:
    """Reads float32 `(samples, channels)` from `start` on; fewer samples where the file ends early.

    With libsndfile 1.2 a seek in a lossy file finds the right time, but the first samples after it are wrong, so some
    samples before `start` are decoded and dropped. An MP3 frame takes up to 511 bytes from the frames before it; from
    32 kHz on these are at most 9 frames. At lower rates they can be many more, and a decoder that starts among them
    prints warnings, so decoding starts at 0 there. In Vorbis the first block after a seek may be wrong, and a seek
    into the last page misses by the samples which that page leaves out.
    """
    first = start
    if file.format == "MP3" and file.samplerate < 32000:
        first = 0
    elif file.format in ("MP3", "OGG"):
        first = max(0, min(start - LEAD, file.frames - TAIL))
    if first:
        file.seek(first)
    lead = start - first
    while lead > 0 and (got := len(_read(file, min(lead, BLOCK)))):
        lead -= got
    return _read(file, samples)


def _read(file: soundfile.SoundFile, samples: int) -> np.ndarray:
    return file.read(samples, dtype="float32", always_2d=True)


def _reaches(file: soundfile.SoundFile, samples: int) -> bool:
    """Whether the last of this number of samples can be decoded."""
    try:
        return len(_decode(file, samples - 1, 1)) == 1
    except soundfile.LibsndfileError:
        return False


def _count(path: str | os.PathLike) -> int:
    """The number of samples that can be decoded from the start on."""
    count = 0
    with ForwardFile(path) as file, contextlib.suppress(soundfile.LibsndfileError):
        while got := len(_read(file, 4096)):
            count += got
    return count


def _truncated(path: str | os.PathLike, promised: int, found: int) -> InputError:
    return InputError(f"{path}: truncated, its header promises {promised} samples, {found} can be decoded")


def _reason(error: Exception) -> str:
    """libsndfile's message; two of its codes, one with a misleading text, mean a format that it does not know."""
    if not isinstance(error, soundfile.LibsndfileError) or error.code in (1, 7):
        return "format not recognised"
    return error.error_string.removeprefix("Error : ").rstrip(".")
