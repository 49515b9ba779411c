"""Reading audio files by libsndfile, which is exact and quick for the formats that it knows."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from auralflow_core.audio.channels import VORBIS_ORDERS
from auralflow_core.audio.structure import AudioInfo, DoubtfulAudio, Structure
from auralflow_core.errors import InputError

SUFFIXES = (".aif", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".rf64", ".w64", ".wav")
# Formats whose length is checked; of others libsndfile takes block headers for audio (VOC) or shortens files silently.
FORMATS = ("AIFF", "AU", "CAF", "FLAC", "MP3", "OGG", "RF64", "W64", "WAV", "WAVEX")
BLOCK = 1 << 16  # samples that are decoded at a time where their number does not matter
LEAD = 1 << 16  # samples decoded and dropped before a crop of a lossy file
TAIL = 1 << 19  # more samples than the last page of an ogg file holds
UNKNOWN = 1 << 60  # lengths from here on stand for an unknown one


def native_name(path: str | os.PathLike) -> Any:
    """A path as soundfile takes it, text or bytes, also where it is no valid UTF-8."""
    return os.fspath(path) if os.name == "nt" else os.fsencode(path)


class ForwardFile(soundfile.SoundFile):
    """A file that is read forwards only.

    soundfile seeks to the current position after every call. Decoders that look back, as MP3's and Opus's do, take
    that for a jump, and the next samples are wrong.
    """

    def __init__(self, path: str | os.PathLike):
        super().__init__(native_name(path))

    def seekable(self) -> bool:
        """False, which stops soundfile's own seeks; `seek` works all the same."""
        return False


def probe(path: Path, structure: Structure) -> AudioInfo:
    """The properties of a file, whose length is compared with what its structure says.

    Raises:
        InputError: the file holds no audio.
        DoubtfulAudio: libsndfile does not read it, or would read something else than all of its audio.
    """
    with _opened(path) as file:
        if file.format not in FORMATS:
            raise DoubtfulAudio(f"{path}: libsndfile may read only a part of the format {file.format}{_advice()}")
        if structure.doubt:
            raise DoubtfulAudio(f"{path}: {structure.doubt}{_advice()}")
        samples = structure.samples if structure.counted and structure.samples else file.frames
        if samples == 0 and not structure.samples:
            raise InputError(f"{path}: holds no audio (0 samples)")
        if structure.samples is not None and not structure.samples - structure.trimmed <= samples <= structure.samples:
            found = "an unknown number" if samples > UNKNOWN else samples
            doubt = f"libsndfile would read {found} of {structure.samples} samples"
            raise DoubtfulAudio(f"{path}: {doubt}{_advice()}")
        if samples > UNKNOWN:
            raise DoubtfulAudio(f"{path}: its header lacks the length{_advice()}")
        # libsndfile takes the length of what is compressed from the header, without a look at the end of the file.
        if (structure.samples is None or file.format in ("FLAC", "MP3")) and not _reaches(file, samples):
            raise _truncated(path, samples)
        return AudioInfo(file.samplerate, file.channels, samples)


def read_blocks(path: Path, structure: Structure, start: int, samples: int, block: int) -> Iterator[np.ndarray]:
    """Reads a crop.

    Args:
        path: of the file.
        structure: of the file.
        start: the first sample.
        samples: number of samples.
        block: samples of a block; the last one may have fewer.

    Yields:
        float32 (samples, channels), channels in WAVE order.

    Raises:
        DoubtfulAudio: a block cannot be decoded, or the file ends.
    """
    position, end = start, start + samples
    with _opened(path) as file:
        order = _order(file, structure)
        while position < end:
            wanted = min(block, end - position)
            try:
                data = _decode(file, start, wanted) if position == start else _read(file, wanted)
            except soundfile.LibsndfileError as error:
                raise DoubtfulAudio(
                    f"{path}: damaged, samples {position} to {position + wanted} cannot be decoded ({_reason(error)})"
                ) from None
            if len(data) < wanted:
                raise _truncated(path, end)
            yield data[:, order] if order else data
            position += wanted


def count(path: Path) -> AudioInfo:
    """The properties of a file that may be damaged; its length is what can be decoded from the beginning on.

    Raises:
        InputError: nothing can be decoded.
    """
    with _opened(path) as file:
        samples = 0
        with contextlib.suppress(soundfile.LibsndfileError):
            while got := len(_read(file, 4096)):
                samples += got
        if samples == 0:
            raise InputError(f"{path}: damaged, nothing of it can be decoded")
        return AudioInfo(file.samplerate, file.channels, samples)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
    """Opens a file for reading."""
    try:
        file = ForwardFile(path)
    except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: a file named .raw, which has no header
        raise DoubtfulAudio(
            f"{path}: no audio file that can be read ({_reason(error)}); known formats: "
            f"{', '.join(suffix[1:] for suffix in SUFFIXES)}, and with the commands ffmpeg and "
            "ffprobe on the PATH all that they read"
        ) from None
    with file:
        yield file


def _order(file: soundfile.SoundFile, structure: Structure) -> list[int]:
    """For every channel in WAVE order its index in what libsndfile reads; empty where they are the same."""
    if file.format == "OGG" and file.subtype in ("VORBIS", "OPUS"):
        return list(VORBIS_ORDERS.get(file.channels, ()))
    return list(structure.order)


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


def _truncated(path: Path, promised: int) -> DoubtfulAudio:
    try:
        found = count(path).samples
    except InputError:
        found = 0
    return DoubtfulAudio(f"{path}: truncated, its header promises {promised} samples, {found} can be decoded")


def _advice() -> str:
    return "; the commands ffmpeg and ffprobe, if they are on the PATH, read it"


def _reason(error: Exception) -> str:
    """libsndfile's message; two of its codes, one with a misleading text, mean a format that it does not know."""
    if not isinstance(error, soundfile.LibsndfileError) or error.code in (1, 7):
        return "format not recognised"
    return error.error_string.removeprefix("Error : ").rstrip(".")
