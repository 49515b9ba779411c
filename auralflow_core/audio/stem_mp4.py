"""Writing Native Instruments' Stem files, `.stem.mp4`: the mixture and four stems as streams of one MP4.

Layout: "Stem File Specification", Native Instruments. Streams are AAC or ALAC. The mixture comes first and is the one
that ordinary players play; the box `moov/udta/stem` holds names, colours and the settings of the compressor and limiter
that players have for stems, which are off here.
"""

import contextlib
import errno
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np

from auralflow_core.audio import mp4
from auralflow_core.audio.check import check_type
from auralflow_core.audio.encode import Encoding, Writer
from auralflow_core.audio.ffmpeg import PATIENCE, last_line, watched
from auralflow_core.console import interrupts
from auralflow_core.errors import InputError

STEMS = ("drums", "bass", "other", "vocals")  # the order in which players expect them
SAME = {"drum": "drums", "vox": "vocals", "vocal": "vocals", "voice": "vocals"}  # other names that files have
COLOURS = ("#009E73", "#D55E00", "#CC79A7", "#56B4E9")  # Okabe and Ito's, which also the colour-blind tell apart
BITRATE = 256  # kbit/s of a stream of AAC, as the specification has it
# The values that Native Instruments' own Stem Creator writes where both are off.
COMPRESSOR = {
    "enabled": False,
    "input_gain": 0.5,
    "output_gain": 0.5,
    "threshold": 0,
    "dry_wet": 50,
    "attack": 0.003,
    "release": 0.3,
    "ratio": 3,
    "hp_cutoff": 300,
}
LIMITER = {"enabled": False, "release": 0.05, "threshold": 0, "ceiling": -0.35}


def arrange(stems: Sequence[str]) -> list[str]:
    """The order of four stems in a file: drums, bass, other, vocals, and stems of other names in the places left.

    Raises:
        InputError: they are not four.

    Example:
        >>> arrange(["vocals", "bass", "guitar", "drums"])
        ['drums', 'bass', 'guitar', 'vocals']
    """
    if len(stems) != len(STEMS):
        raise InputError(
            f"a .stem.mp4 holds four stems, and {len(stems)} were to be written ({', '.join(stems)}); a model of four "
            "targets is accepted, or --targets A,B,C with --residual"
        )
    places, others = dict[str, str](), list[str]()
    for stem in stems:
        name = usual_name(stem)
        if name in STEMS and name not in places:
            places[name] = stem
        else:
            others.append(stem)
    return [places[name] if name in places else others.pop(0) for name in STEMS]


def recognise(names: Sequence[str]) -> list[str]:
    """The stems of a file, in its order, by the names that it gives them: always these four.

    Streams of other names are the stems that are left; where the file names no four, the order is the usual one.

    Example:
        >>> recognise(["Vox", "Drums", "Bass", "Synth"]), recognise([])
        (['vocals', 'drums', 'bass', 'other'], ['drums', 'bass', 'other', 'vocals'])
    """
    found = [name if (name := usual_name(text)) in STEMS else "" for text in names]
    known = [name for name in found if name]
    if len(found) != len(STEMS) or len(set(known)) < len(known):
        return list(STEMS)
    left = [name for name in STEMS if name not in known]
    return [name or left.pop(0) for name in found]


def usual_name(stem: str) -> str:
    """A stem's name in lower case, as it is usual."""
    name = stem.strip().casefold()
    return SAME.get(name, name)


def describe(stems: Sequence[str]) -> dict:
    """The content of the box `moov/udta/stem` for stems in their order."""
    named = [
        {"name": name[:1].upper() + name[1:], "color": colour} for name, colour in zip(stems, COLOURS, strict=True)
    ]
    return {"mastering_dsp": {"compressor": COMPRESSOR, "limiter": LIMITER}, "stems": named, "version": 1}


class StemFileWriter(Writer):
    """A `.stem.mp4` that is encoded by ffmpeg block by block.

    Args:
        path: an existing file, which is overwritten; its name does not matter.
        name: of the file in messages.
        encoding: of the format stem.mp4.
        sample_rate: in Hz.
        channels: of each stream.
        samples: length of all blocks together.
        stems: the names of the four stems, in their order.

    Raises:
        InputError: the format cannot hold the audio, or ffmpeg is not on the PATH.
    """

    def __init__(
        self,
        path: Path,
        name: Path,
        encoding: Encoding,
        sample_rate: int,
        channels: int,
        samples: int,
        mask: int = 0,
        *,
        stems: Sequence[str] = STEMS,
    ):
        require_ffmpeg()
        try:
            encoding.check(sample_rate, channels)
        except InputError as error:
            raise InputError(f"{name}: {error}") from None
        self.path, self.name, self.samples, self.rate, self.stems = path, name, samples, sample_rate, list(stems)
        self.written, self.complaint = 0, b""
        self.complaints = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            ["ffmpeg", *_arguments(path, encoding, sample_rate, channels, self.stems)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self.complaints,
            process_group=0,  # Ctrl-C is for this process, which ends ffmpeg
        )

    def write(self, audio: np.ndarray) -> None:
        """Appends a block of the mixture and the stems, float32 (5, channels, samples).

        Raises:
            InputError: integers, or values that are not finite.
            OSError: ffmpeg does not take it, for lack of space or another reason.
        """
        check_type(audio, "audio")
        if not np.isfinite(audio).all():
            raise InputError(f"{self.name}: not written, some values are NaN or infinite")
        data = np.ascontiguousarray(audio.reshape(-1, audio.shape[-1]).T, "<f4")
        before = self.written
        with self._watched(), contextlib.suppress(BrokenPipeError):
            self._pipe().write(data.data)
            self.written += audio.shape[-1]
        if self.written == before:
            self.close()
            raise self._failure()

    def close(self) -> None:
        """Lets ffmpeg encode what it has, and end; an incomplete file is given up at once."""
        if self.complaints.closed:
            return
        try:
            if self.written < self.samples:
                self.process.kill()
            with self._watched():
                with contextlib.suppress(BrokenPipeError):
                    self._pipe().close()
                self.process.wait()
        finally:
            self.process.kill()
            self.process.wait()
            self.complaints.seek(0)
            self.complaint = self.complaints.read()
            self.complaints.close()

    def check(self) -> None:
        """Completes the file that ffmpeg wrote, and compares the lengths of its streams.

        Raises:
            OSError: ffmpeg failed, or samples are missing.
        """
        if self.process.returncode:
            raise self._failure()
        _complete(self.path, self.rate, self.samples, json.dumps(describe(self.stems)).encode())
        found = [mp4.audio_length(self.path, stream, self.rate) for stream in range(1 + len(self.stems))]
        if found != [self.samples] * len(found):
            raise OSError(f"{self.name}: cannot be written, its streams have {found} of {self.samples} samples")

    def _pipe(self) -> IO[bytes]:
        assert self.process.stdin is not None  # it is a pipe
        return self.process.stdin

    def _watched(self) -> contextlib.AbstractContextManager[None]:
        return watched(self.process, OSError(f"{self.name}: cannot be written, ffmpeg took nothing for {PATIENCE:g} s"))

    def _failure(self) -> Exception:
        """The error about ffmpeg's end."""
        interrupts.check()  # a signal that asks this process to end may have ended ffmpeg
        if os.strerror(errno.ENOSPC).encode() in self.complaint:
            return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), os.fspath(self.name))
        return OSError(f"{self.name}: cannot be written (ffmpeg: {last_line(self.complaint, self.path)})")


def require_ffmpeg() -> None:
    """Raises an InputError if the command ffmpeg is not on the PATH."""
    if not shutil.which("ffmpeg"):
        raise InputError(
            "stem.mp4 is written by the command ffmpeg, which is not on the PATH; wav, flac and ogg need none"
        )


def _arguments(path: Path, encoding: Encoding, rate: int, channels: int, stems: Sequence[str]) -> list[str]:
    """The arguments with which ffmpeg encodes the channels of all streams, side by side, from its standard input."""
    streams = 1 + len(stems)
    layout = "mono" if channels == 1 else "stereo"
    graph = [
        f"[0:a]pan={layout}|" + "|".join(f"c{k}=c{stream * channels + k}" for k in range(channels)) + f"[s{stream}]"
        for stream in range(streams)
    ]
    maps = [part for stream in range(streams) for part in ("-map", f"[s{stream}]")]
    names = [
        part for k, name in enumerate(("mixture", *stems)) for part in (f"-metadata:s:a:{k}", f"handler_name={name}")
    ]
    if encoding.bits is None:
        codec = ["-c:a", "aac", "-b:a", f"{encoding.bitrate or BITRATE}k"]
    else:
        codec = ["-c:a", "alac", "-sample_fmt", "s16p" if encoding.bits == 16 else "s32p"]
    source = ["-f", "f32le", "-ar", str(rate), "-ac", str(streams * channels), "-i", "pipe:0"]
    default = ["-disposition:a", "0", "-disposition:a:0", "default"]  # the one stream that is switched on
    output = ["-filter_complex", ";".join(graph), *maps, *names, *codec, *default, "-f", "ipod", f"file:{path}"]
    return ["-v", "error", "-nostdin", "-y", "-protocol_whitelist", "file,pipe", *source, *output]


def _complete(path: Path, rate: int, samples: int, description: bytes) -> None:
    """Makes the lengths in the index exact, which ffmpeg rounds to milliseconds, and adds the description of stems.

    The index (`moov`) is the file's last box, as ffmpeg writes it, so that no offset changes when it grows.
    """
    with open(path, "r+b") as file:
        place = _last_box(file)
        file.seek(place)
        index = bytearray(file.read())
        for kind, scale_at, length_at in (("mvhd", 12, 16), ("trak/tkhd", None, 20), ("trak/edts/elst", None, 8)):
            for box in mp4.find(index, f"moov/{kind}"):
                if index[box.begin]:
                    continue  # 64-bit times, of days of audio
                for at, value in ((scale_at, rate), (length_at, samples)):
                    if at is not None:
                        index[box.begin + at : box.begin + at + 4] = value.to_bytes(4, "big")
        index = _add(index, description)
        file.seek(place)
        file.write(index)
        file.truncate()


def _last_box(file: IO[bytes]) -> int:
    """The place of the last box of a file."""
    end, place, size = file.seek(0, os.SEEK_END), 0, 0
    while place + size < end:
        place += size
        file.seek(place)
        head = file.read(16)
        size = int.from_bytes(head[:4], "big")
        size = max(8, int.from_bytes(head[8:], "big") if size == 1 else size)
    return place


def _add(index: bytearray, description: bytes) -> bytearray:
    """An index with the box `udta/stem`."""
    box = _box(b"stem", description)
    user = next(mp4.find(index, "moov/udta"), None)
    if user is None:
        return bytearray(_box(b"moov", bytes(index[8:]) + _box(b"udta", box)))
    inside = bytes(index[user.begin : user.end]) + box
    return bytearray(_box(b"moov", bytes(index[8 : user.begin - 8]) + _box(b"udta", inside) + bytes(index[user.end :])))


def _box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content
