"""Audio files and arrays: probe, read, write, resample, channels, quantisation.

Audio is a float32 array `(channels, samples)`, nominally in [-1, 1].
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

from auralflow.containers import check_chunks, streamed_mp3_samples
from auralflow.errors import InputError, closest
from auralflow.files import replacing

AUDIO_SUFFIXES = (".aif", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".rf64", ".w64", ".wav")
PCM_BITS = {"PCM_16": 16, "PCM_24": 24}
SUBTYPES = {".wav": ("FLOAT", *PCM_BITS), ".flac": tuple(PCM_BITS)}  # what `write` writes, by suffix
WAV_BYTES = 0xFFFF0000  # beyond this a wav's 32-bit sizes overflow, and the same file becomes an RF64
LEAD = 1 << 16  # samples decoded and dropped before a crop of a lossy file
TAIL = 1 << 19  # more samples than the last page of an ogg file holds


class AudioInfo(NamedTuple):
    """What there is to know about an audio file without decoding it."""

    sample_rate: int  # Hz
    channels: int
    samples: int  # per channel


def is_audio(path: str | os.PathLike) -> bool:
    """Whether the name has a suffix of `AUDIO_SUFFIXES`; the file is not looked at."""
    return Path(path).suffix.lower() in AUDIO_SUFFIXES


def probe(path: str | os.PathLike) -> AudioInfo:
    """Rate, channels and length of an audio file, the length being what really can be decoded.

    Raises:
        InputError: the file is missing, a folder, empty, in an unknown format or truncated.
    """
    with _opened(path) as (file, samples):
        # The header of these two is believed about the length without a look at the end of the file.
        if file.format in ("FLAC", "MP3") and not _reaches(file, samples):
            raise _truncated(path, samples, _count(path))
        return AudioInfo(file.samplerate, file.channels, samples)


def read(path: str | os.PathLike, start: int = 0, samples: int | None = None) -> tuple[np.ndarray, int]:
    """Reads a file, or a crop of it without decoding the rest.

    Args:
        path: a file of any format in `AUDIO_SUFFIXES`.
        start: the first sample.
        samples: how many; a crop that reaches beyond the end of the file ends there. Default: all.

    Returns:
        float32 audio `(channels, samples)` and its sample rate in Hz.

    Raises:
        InputError: as `probe`; also a `start` beyond the end, damaged audio, NaN or infinity.
    """
    with _opened(path) as (file, length):
        if not 0 <= start < length:
            raise InputError(f"{path}: cannot be read from sample {start}, it has {length} samples")
        wanted = length - start if samples is None else min(samples, length - start)
        try:
            audio = _decode(file, start, wanted)
        except soundfile.LibsndfileError as error:
            raise InputError(f"{path}: damaged, samples {start} to {start + wanted} of {length} "
                             f"cannot be decoded ({_reason(error)})") from None
        if len(audio) < wanted:
            raise _truncated(path, length, _count(path))
        if not np.isfinite(audio).all():
            raise InputError(f"{path}: holds NaN or infinite values between samples {start} and {start + wanted}, "
                             "where audio has finite ones")
        return np.ascontiguousarray(audio.T), file.samplerate


def write(path: str | os.PathLike, audio: np.ndarray, sample_rate: int, subtype: str = "FLOAT") -> None:
    """Writes a wav or flac file, by the suffix; aside first, then renamed.

    Args:
        path: where to.
        audio: `(channels, samples)`; for PCM it is quantised as `quantise` does.
        sample_rate: in Hz.
        subtype: "FLOAT" (32 bit, wav only), "PCM_16" or "PCM_24".

    Raises:
        InputError: another suffix or subtype, or values that are not finite.
    """
    path = Path(path)
    if path.suffix.lower() not in SUBTYPES:
        raise InputError(f"{path}: cannot write the suffix {path.suffix!r}; known: {', '.join(SUBTYPES)}")
    known = SUBTYPES[path.suffix.lower()]
    if subtype not in known:
        raise InputError(f"{path}: cannot write subtype {subtype!r} to {path.suffix}; {closest(subtype, known)}")
    if bad := np.size(audio) - np.count_nonzero(np.isfinite(audio)):
        raise InputError(f"{path}: not written, {bad} of {np.size(audio)} values are NaN or infinite")
    data = np.asarray(audio, np.float32)
    if subtype in PCM_BITS:
        bits = PCM_BITS[subtype]
        data = (quantise(data, subtype)[0] * 2.0 ** (bits - 1)).astype(np.int16 if bits == 16 else np.int32)
        data = data << 8 if bits == 24 else data  # libsndfile takes the upper 24 of 32 bits
    container = "FLAC" if path.suffix.lower() == ".flac" else "WAV" if data.nbytes < WAV_BYTES else "RF64"
    with replacing(path) as aside:
        soundfile.write(aside, data.T, sample_rate, subtype=subtype, format=container)


def quantise(audio: np.ndarray, subtype: str) -> tuple[np.ndarray, int]:
    """Rounds audio to what a file of this subtype holds.

    Args:
        audio: any shape.
        subtype: "FLOAT", "PCM_16" or "PCM_24".

    Returns:
        float32 audio of the same shape, exactly as it comes back from the file, and the number of values
        that were clipped, lying outside of [-1, 1 - 2^-(bits - 1)] after rounding.

    Example:
        >>> quantise(np.array([0.5, 1e-6, -2.0]), "PCM_16")
        (array([ 0.5,  0. , -1. ], dtype=float32), 1)
    """
    audio = np.asarray(audio, np.float32)
    if subtype == "FLOAT":
        return audio.copy(), 0
    if subtype not in PCM_BITS:
        raise InputError(f"cannot quantise to subtype {subtype!r}; {closest(subtype, ('FLOAT', *PCM_BITS))}")
    scale = np.float32(2.0 ** (PCM_BITS[subtype] - 1))
    steps = np.rint(audio * scale)
    clipped = np.clip(steps, -scale, scale - 1)
    return (clipped + np.float32(0)) / scale, int(np.count_nonzero(steps != clipped))  # + 0: no negative zeros


def resample(audio: np.ndarray, from_rate: int, to_rate: int, samples: int | None = None) -> np.ndarray:
    """Changes the sample rate along the last axis, with a linear-phase band limit (soxr, very high quality).

    Output sample `k` lies at the time of input sample `k * from_rate / to_rate`; beyond its ends the audio is
    taken to be silent.

    Args:
        audio: `(..., samples)`.
        from_rate: its rate in Hz.
        to_rate: the rate wanted, in Hz.
        samples: cut or zero-pad the result to this length; default: ceil(samples * to_rate / from_rate).

    Returns:
        float32 audio `(..., samples)`; the input itself where nothing is to be done.
    """
    audio = np.asarray(audio, np.float32)
    wanted = -(-audio.shape[-1] * to_rate // from_rate) if samples is None else samples
    if from_rate != to_rate and audio.size:
        # soxr rounds its length down at times; silence at the end makes it return the last sample too.
        padded = fit(audio, audio.shape[-1] + from_rate // to_rate + 1)
        result = soxr.resample(padded.reshape(-1, padded.shape[-1]).T, from_rate, to_rate, quality="VHQ")
        audio = result.T.reshape(*audio.shape[:-1], -1)
    return np.ascontiguousarray(fit(audio, wanted))


def fit(audio: np.ndarray, samples: int) -> np.ndarray:
    """Cuts audio `(..., samples)` at the end, or pads it with zeros there, to a length."""
    missing = samples - audio.shape[-1]
    if missing <= 0:
        return audio[..., :samples]
    return np.pad(audio, [(0, 0)] * (audio.ndim - 1) + [(0, missing)])


def to_channels(audio: np.ndarray, channels: int) -> np.ndarray:
    """Makes mono stereo by duplicating it, and stereo mono by averaging; other layouts have no agreed downmix.

    Args:
        audio: `(channels, samples)`.
        channels: how many are wanted.

    Raises:
        InputError: any other change of channels.
    """
    if len(audio) == channels:
        return audio
    if len(audio) == 1 and channels == 2:
        return np.repeat(audio, 2, axis=0)
    if len(audio) == 2 and channels == 1:
        return audio.mean(axis=0, keepdims=True)
    raise InputError(f"cannot make {channels} channels of {len(audio)}; mono and stereo audio is accepted")


@contextlib.contextmanager
def _opened(path: str | os.PathLike) -> Iterator[tuple[soundfile.SoundFile, int]]:
    """Opens a file for reading; also yields the length that its header promises, or else a count."""
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder, where an audio file is expected")
    try:
        if path.stat().st_size == 0:
            raise InputError(f"{path}: is empty (0 bytes), where an audio file is expected")
        check_chunks(path)
        file = soundfile.SoundFile(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: headerless data, named .raw
        raise InputError(f"{path}: no audio file that can be read ({_reason(error)}); known formats: "
                         f"{', '.join(suffix[1:] for suffix in AUDIO_SUFFIXES)}") from None
    with file:
        samples = (streamed_mp3_samples(path) if file.format == "MP3" else None) or file.frames
        if samples == 0:
            raise InputError(f"{path}: holds no audio (0 samples)")
        if samples > 1 << 60:  # libsndfile's word for an unknown length
            raise InputError(f"{path}: its header does not tell its length; convert it to a new file")
        yield file, samples


def _decode(file: soundfile.SoundFile, start: int, samples: int) -> np.ndarray:
    """Reads float32 `(samples, channels)` from `start` on; fewer samples where the file ends early.

    With libsndfile 1.2 a seek in a lossy file is exact in time, but not in content, so a lead is decoded and
    dropped. An MP3 frame takes up to 511 bytes from its predecessors; from 32 kHz on these are at most 9 frames.
    At lower rates they can be many more, and a decoder that lands amid them prints complaints: it starts at 0 there.
    In Vorbis the first block after a seek may be wrong, and a seek into the last page misses by the samples which
    that page leaves out.
    """
    first = start
    if file.format == "MP3" and file.samplerate < 32000:
        first = 0
    elif file.format in ("MP3", "OGG"):
        first = max(0, min(start - LEAD, file.frames - TAIL))
    if first:
        file.seek(first)
    return file.read(start - first + samples, dtype="float32", always_2d=True)[start - first:]


def _reaches(file: soundfile.SoundFile, samples: int) -> bool:
    """Whether the last of so many samples can be decoded."""
    try:
        return len(_decode(file, samples - 1, 1)) == 1
    except soundfile.LibsndfileError:
        return False


def _count(path: str | os.PathLike) -> int:
    """The samples that can be decoded from the start on."""
    count = 0
    with soundfile.SoundFile(path) as file, contextlib.suppress(soundfile.LibsndfileError):
        while got := len(file.read(4096, dtype="float32", always_2d=True)):
            count += got
    return count


def _truncated(path: str | os.PathLike, promised: int, found: int) -> InputError:
    return InputError(f"{path}: truncated, its header promises {promised} samples, {found} can be decoded")


def _reason(error: Exception) -> str:
    """What libsndfile says; two of its codes, one with a misleading text, mean a format that it does not know."""
    if not isinstance(error, soundfile.LibsndfileError) or error.code in (1, 7):
        return "format not recognised"
    return error.error_string.removeprefix("Error : ").rstrip(".")
