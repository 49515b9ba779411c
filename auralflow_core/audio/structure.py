"""Facts about a file's audio that are known before any of it is decoded, and the errors about damaged files."""

import mmap
from typing import NamedTuple

from auralflow_core.errors import InputError

# The beginnings of tags, which may follow the audio.
TAGS = (b"TAG", b"ID3", b"APETAGEX", b"LYRICSBEGIN")
JUNK = 64  # bytes after the audio that are too few to be worth a doubt
PADDING = 1 << 20  # zeros after the audio that are no silence, at most


class DamagedAudio(InputError):
    """Audio that a file should hold is missing or cannot be decoded."""


class DoubtfulAudio(DamagedAudio):
    """libsndfile does not read a file, or would read something else than all of its audio; ffmpeg may."""


class AudioInfo(NamedTuple):
    """The properties of an audio file."""

    sample_rate: int  # Hz
    channels: int
    samples: int  # per channel


class Structure(NamedTuple):
    """Facts about a file's audio that its structure tells: its headers, and where its parts lie."""

    samples: int | None = None  # per channel, that the file holds; None: only decoding tells
    trimmed: int = 0  # at most so many of them are an encoder's padding, which decoders leave out
    damage: str = ""  # the end of a sentence about audio that is missing
    doubt: str = ""  # the end of a sentence about audio that libsndfile would leave out
    counted: bool = False  # libsndfile's length is a guess, `samples` is right
    tags: bool = False  # tags or headers lie between the audio, of which ffmpeg complains
    mask: int = 0  # bits of the channels' places, as in WAVE files; 0: unknown
    order: tuple[int, ...] = ()  # for every channel in WAVE order its index in the file; (): they are in WAVE order
    ffmpeg: tuple[str, ...] = ()  # options with which ffmpeg reads all of it


def is_junk(data: mmap.mmap, begin: int) -> bool:
    """Whether the bytes after the audio, from `begin` on, are a tag, padding, or too few to matter."""
    rest = len(data) - begin
    is_padding = rest <= PADDING and not data[begin:].strip(b"\0")
    return rest < JUNK or data[begin : begin + 16].startswith(TAGS) or is_padding
