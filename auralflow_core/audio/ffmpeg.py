"""Audio that libsndfile does not read, by the commands ffmpeg and ffprobe, where they are installed.

A container can hold several streams of audio: in a `.stem.mp4`, stream 0 is the mixture and the others are stems.
"""

import contextlib
import functools
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from auralflow_core.errors import InputError

# Suffixes by which a folder's files are taken for audio; a file that is named may have any.
SUFFIXES = (
    ".aac",
    ".ac3",
    ".alac",
    ".amr",
    ".ape",
    ".dts",
    ".eac3",
    ".m4a",
    ".m4b",
    ".mka",
    ".mkv",
    ".mov",
    ".mp2",
    ".mp4",
    ".mpc",
    ".tta",
    ".webm",
    ".wma",
    ".wv",
)
CHUNK = 1 << 16  # samples read at a time while a stream is measured


def is_installed() -> bool:
    """Whether both commands are on the PATH."""
    return all(map(shutil.which, ("ffmpeg", "ffprobe")))


def describe(path: Path, stream: int = 0) -> tuple[int, int, int]:
    """Rate in Hz, channels and samples of a stream of audio; it is decoded to its end, as no header can be trusted.

    Raises:
        InputError: ffmpeg cannot read the file, there is no such stream, or it is damaged.
    """
    stat = path.stat()
    return _describe(path, stream, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=1 << 16)
def _describe(path: Path, stream: int, modified: int, size: int) -> tuple[int, int, int]:
    command = [
        "ffprobe",
        "-v",
        "error",
        "-select_streams",
        "a",
        "-show_entries",
        "stream=sample_rate,channels",
        "-of",
        "json",
        f"file:{os.fspath(path)}",
    ]
    result = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL)
    if result.returncode:
        raise InputError(f"{path}: no audio file that can be read (ffmpeg: {_last_line(result.stderr, path)})")
    streams = json.loads(result.stdout).get("streams", [])
    if stream >= len(streams):
        raise InputError(f"{path}: holds {len(streams)} streams of audio, number {stream} is wanted, counted from 0")
    rate, channels = int(streams[stream]["sample_rate"]), int(streams[stream]["channels"])
    return rate, channels, sum(map(len, _decoded(path, stream, channels, CHUNK)))


def read_blocks(path: Path, stream: int, channels: int, start: int, samples: int, block: int) -> Iterator[np.ndarray]:
    """Decodes from the file's beginning, as a jump into it is exact in few formats, and drops what lies before.

    Args:
        path: of the file.
        stream: number of the stream of audio.
        channels: of it.
        start: the first sample wanted.
        samples: how many.
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


def _decoded(path: Path, stream: int, channels: int, block: int) -> Iterator[np.ndarray]:
    """The whole stream, float32 (samples, channels)."""
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-nostdin",
        "-i",
        f"file:{os.fspath(path)}",
        "-map",
        f"0:a:{stream}",
        "-f",
        "f32le",
        "-",
    ]
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints)
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
        if process.returncode or text:  # after a truncated file it ends well, but not without a word
            raise InputError(f"{path}: damaged, it cannot be decoded to its end (ffmpeg: {_last_line(text, path)})")


def _last_line(complaint: bytes, path: Path) -> str:
    """What ffmpeg says, in one line without the file's name."""
    lines = [line.strip() for line in complaint.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1].replace(f"file:{os.fspath(path)}: ", "").rstrip(".") if lines else "no reason given"
