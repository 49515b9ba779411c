"""Reading audio that libsndfile cannot read, by the commands ffmpeg and ffprobe, where they are installed.

A container can hold several streams of audio: in a `.stem.mp4`, stream 0 is the mixture and the others are stems.
"""

import contextlib
import functools
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np

from auralflow_core.errors import InputError

# Files with these suffixes count as audio in a folder; a file that is named itself may have any suffix.
SUFFIXES = tuple(
    ".aac .ac3 .alac .amr .ape .dts .eac3 .m4a .m4b .mka .mkv .mov .mp2 .mp4 .mpc .tta .webm .wma .wv".split()
)
CHUNK = 1 << 16  # samples read at a time while a stream is measured


def is_installed() -> bool:
    """Whether both commands are on the PATH."""
    return all(map(shutil.which, ("ffmpeg", "ffprobe")))


def probe(path: Path, stream: int = 0) -> tuple[int, int, int]:
    """Rate in Hz, channels and samples of a stream of audio, which is decoded to its end, as headers may be wrong.

    Raises:
        InputError: ffmpeg cannot read the file, the file has no such stream, or the stream is damaged.
    """
    stat = path.stat()
    return _probe(path, stream, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=1 << 16)
def _probe(path: Path, stream: int, modified: int, size: int) -> tuple[int, int, int]:
    options = "-v error -select_streams a -show_entries stream=sample_rate,channels -of json".split()
    command = ["ffprobe", *options, f"file:{os.fspath(path)}"]
    result = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL)
    if result.returncode:
        raise InputError(f"{path}: no audio file that can be read (ffmpeg: {_last_line(result.stderr, path)})")
    streams = json.loads(result.stdout).get("streams", [])
    if stream >= len(streams):
        raise InputError(f"{path}: holds {len(streams)} streams of audio, numbered from 0; got number {stream}")
    rate, channels = int(streams[stream]["sample_rate"]), int(streams[stream]["channels"])
    return rate, channels, sum(map(len, _decoded(path, stream, channels, CHUNK)))


def read_blocks(path: Path, stream: int, channels: int, start: int, samples: int, block: int) -> Iterator[np.ndarray]:
    """Decodes from the beginning of the file, as few formats seek exactly, and drops the samples before `start`.

    Args:
        path: of the file.
        stream: number of the stream of audio.
        channels: number of its channels.
        start: the first sample.
        samples: number of samples.
        block: samples of a block; the last ones may have fewer.

    Yields:
        float32 (samples, channels).
    """
    end, position = start + samples, 0
    with contextlib.closing(_decoded(path, stream, channels, block)) as pieces:
        for piece in pieces:
            wanted = piece[max(0, start - position) : max(0, end - position)]
            position += len(piece)
            if len(wanted):
                yield wanted
            if position >= end:
                return


def _decoded(path: Path, stream: int, channels: int, block: int) -> Generator[np.ndarray, None, None]:
    """The whole stream, float32 (samples, channels)."""
    source = f"file:{os.fspath(path)}"
    command = ["ffmpeg", *"-v error -nostdin -i".split(), source, "-map", f"0:a:{stream}", *"-f f32le -".split()]
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints)
        assert process.stdout is not None  # it is a pipe
        try:
            while data := process.stdout.read(4 * channels * block):
                yield np.frombuffer(data[: len(data) // (4 * channels) * 4 * channels], "<f4").reshape(-1, channels)
            process.wait()
        finally:
            process.kill()
            process.stdout.close()
            process.wait()
        complaints.seek(0)
        text = complaints.read()
        if process.returncode or text:  # after a truncated file the status is 0, but a message is there
            raise InputError(f"{path}: damaged, it cannot be decoded to its end (ffmpeg: {_last_line(text, path)})")


def _last_line(complaint: bytes, path: Path) -> str:
    """The last line of ffmpeg's messages, without the file's name."""
    lines = [line.strip() for line in complaint.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1].replace(f"file:{os.fspath(path)}: ", "").rstrip(".") if lines else "no reason given"
