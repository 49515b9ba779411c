"""What libsndfile does not say about a file: audio missing at its end, and the length of some MP3s."""

import functools
import os
from pathlib import Path

import soundfile

from auralflow_core.errors import InputError

CHUNKED = {b"RIFF": ("little", b"data"), b"FORM": ("big", b"SSND")}  # first bytes -> byte order, chunk of the audio
STREAMED = 0x7FFFF000  # writers to a pipe put sizes from here on in place of one that they cannot know


def check_chunks(path: Path) -> None:
    """Refuses a wav or aiff file that ends before its audio does; libsndfile would shorten it silently.

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
                    raise InputError(f"{path}: truncated, its header promises {size} bytes of audio, {found} are there")
                return
            stream.seek(size + size % 2, os.SEEK_CUR)  # chunks start at even positions


def streamed_mp3_samples(path: Path) -> int | None:
    """The decoded length of an MP3 whose header does not tell it; None for one whose header does.

    Raises:
        InputError: libsndfile, which guesses the length from the first bit rate, would cut the file short.
    """
    stat = path.stat()
    return _streamed_mp3_samples(path, stat.st_mtime_ns, stat.st_size)


class ForwardFile(soundfile.SoundFile):
    """A file that is read on from where it is.

    soundfile sets the position anew after every call, where it is already. For a decoder that looks back, as MP3's
    and Opus's do, that is a jump, after which the next samples come out wrong.
    """

    def seekable(self) -> bool:
        """No, as far as soundfile's own jumps are concerned; `seek` works."""
        return False


@functools.lru_cache(maxsize=1 << 16)
def _streamed_mp3_samples(path: Path, modified: int, size: int) -> int | None:
    with open(path, "rb") as stream:
        head = stream.read(10)
        if head[:3] == b"ID3":  # a tag, its size written in four bytes of seven bits
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
    # A guess that is met to the sample, with more than a tag left to read, has ended the decoding.
    if samples == guess and unread > 4096:
        raise InputError(
            f"{path}: an MP3 of variable bit rate without a Xing header, of which {unread} of {size} "
            "bytes would be lost; convert it to wav, flac or an MP3 with that header"
        )
    return samples
