"""Checks that libsndfile leaves out: audio that is missing at the end of a file, and the length of some MP3s."""

import functools
import os
from pathlib import Path
from typing import Any, Literal

import soundfile

from auralflow_core.errors import InputError

# First bytes of a file -> its byte order, and the name of the chunk with the audio.
CHUNKED: dict[bytes, tuple[Literal["little", "big"], bytes]] = {b"RIFF": ("little", b"data"), b"FORM": ("big", b"SSND")}
STREAMED = 0x7FFFF000  # sizes from here on stand for an unknown one, in files that were written to a pipe


def check_chunks(path: Path) -> None:
    """Refuses a wav or aiff file that ends before its audio; libsndfile would shorten the audio silently.

    Raises:
        InputError: the file is truncated.
    """
    with open(path, "rb") as stream:
        order, audio = CHUNKED.get(stream.read(4), (None, None))
        stream.seek(12)
        while order and len(header := stream.read(8)) == 8:
            size = int.from_bytes(header[4:], order)
            if header[:4] == audio:
                found = os.fstat(stream.fileno()).st_size - stream.tell()
                if found < size < STREAMED:
                    raise InputError(f"{path}: truncated, its header promises {size} bytes of audio, {found} exist")
                return
            stream.seek(size + size % 2, os.SEEK_CUR)  # chunks start at even positions


def streamed_mp3_samples(path: Path) -> int | None:
    """The decoded length of an MP3 whose header lacks it; None for one whose header has it.

    Raises:
        InputError: libsndfile, which guesses the length from the first bit rate, would shorten the file.
    """
    stat = path.stat()
    return _streamed_mp3_samples(path, stat.st_mtime_ns, stat.st_size)


def native_name(path: str | os.PathLike) -> Any:
    """A path as soundfile takes it, text or bytes, also where it is no valid UTF-8."""
    return os.fspath(path) if os.name == "nt" else os.fsencode(path)


class ForwardFile(soundfile.SoundFile):
    """A file that is read forwards only.

    soundfile seeks to the current position after every call. Decoders that look back, as MP3's and Opus's do, take
    that for a jump, and the next samples are wrong.
    """

    def __init__(self, file: str | os.PathLike | int, **options: Any):
        super().__init__(file if isinstance(file, int) else native_name(file), **options)

    def seekable(self) -> bool:
        """False, which stops soundfile's own seeks; `seek` works all the same."""
        return False


@functools.lru_cache(maxsize=1 << 16)
def _streamed_mp3_samples(path: Path, modified: int, size: int) -> int | None:
    with open(path, "rb") as stream:
        head = stream.read(10)
        if head[:3] == b"ID3":  # a tag; its size is four bytes of seven bits each
            stream.seek(10 + sum(byte << 7 * place for place, byte in enumerate(reversed(head[6:]))))
        else:
            stream.seek(0)
        first_frame = stream.read(2048)
    if b"Xing" in first_frame or b"Info" in first_frame:
        return None
    handle = os.open(path, os.O_RDONLY)
    try:
        with ForwardFile(handle, closefd=False) as file:
            guess, samples = file.frames, 0
            while got := len(file.read(1 << 16, dtype="float32", always_2d=True)):
                samples += got
        unread = size - os.lseek(handle, 0, os.SEEK_CUR)
    except soundfile.LibsndfileError as error:
        raise InputError(f"{path}: damaged, it cannot be decoded to its end ({error.error_string})") from None
    finally:
        os.close(handle)
    # The decoding stopped at the guess if their lengths are equal and more than a tag is left to read.
    if samples == guess and unread > 4096:
        raise InputError(
            f"{path}: an MP3 of variable bit rate without a Xing header, of which {unread} of {size} "
            "bytes would be lost; convert it to wav, flac or an MP3 with that header"
        )
    return samples
