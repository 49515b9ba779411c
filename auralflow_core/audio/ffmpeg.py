"""Reading audio that libsndfile cannot read, by the commands ffmpeg and ffprobe, where they are installed.

A container can hold several streams of audio: in a `.stem.mp4`, stream 0 is the mixture and the others are stems.
"""

import contextlib
import functools
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from auralflow_core.audio import mp4
from auralflow_core.audio.channels import mask_of_names
from auralflow_core.audio.structure import AudioInfo, DamagedAudio, Structure
from auralflow_core.console.text import count
from auralflow_core.errors import InputError

# Files with these suffixes count as audio in a folder; a file that is named itself may have any suffix.
SUFFIXES = tuple(
    ".aac .ac3 .alac .amr .ape .dts .eac3 .m4a .m4b .mka .mkv .mov .mp2 .mp4 .mpc .tta .webm .wma .wv".split()
)
# The formats that ffmpeg may read: files that hold their audio, also beside pictures. A playlist (hls, dash, concat,
# sdp, imf) or a script (sbg) names other files, addresses or tones, which are not meant.
FORMATS = (
    "3dostr 4xm aa aac aax ac3 ac4 ace acm act adp ads adx aea afc aiff aix alaw alp amr amrnb amrwb apc ape apm aptx "
    "aptx_hd argo_asf argo_brp argo_cvg asf ast au avi avr avs bethsoftvid bfi bfstm bink binka bit bmv boa bonk "
    "brstm c93 caf cdxl codec2 daud dcstr derf dfpwm dhav dsf dsicin dss dts dtshd dv dxa ea eac3 epaf evc film_cpk "
    "flac flv fsb fwse g722 g723_1 g729 gdv genh gsm gxf hca hcom iamf idcin iff ilbc ipmovie ircam iss ivr jv kux "
    "kvag laf libgme libmodplug libopenmpt live_flv lmlm4 loas luodat lvf lxf matroska mca mgsts mlp mm mmf mods "
    "moflex mov mp3 mpc mpc8 mpeg mpegts msf mtaf mtv mulaw musx mv mvi mxf mxg nistsphere nsp nsv nut nuv ogg oma "
    "osq paf pmp pp_bnk psxstr pva pvf qcp qoa redspark rka rl2 rm roq rpl rsd rso s337m sbc scd sdns sds sdx shn "
    "siff sln smjpeg smk smush sol sox spdif svag svs swf tak thp tiertexseq tmv truehd tta tty txd ty usm vag "
    "vividas vivo vmd voc vpk vqf w64 wav wc3movie wsaud wsd wsvqa wtv wv wve xa xmv xvag xwma yop"
).split()
SAFE = ["-protocol_whitelist", "file", "-format_whitelist", ",".join(FORMATS)]
# The formats whose header tells the length; that of others is an estimate.
TIMED = set("aiff ape asf au avi caf dsf flv matroska mov mpc mpc8 smjpeg tak tta w64 wav webm wv".split())
EXACT = {"ast", "nistsphere", "rso"}  # of these it is right to the sample
MARGIN = 0.25  # seconds by which other headers may count more than is there: frames that encoders leave unfinished
ROUNDING = 1e-3  # seconds, more than the rounding of a length
PADDING = 4096  # samples after the end of an MP4's audio that ffmpeg decodes although its edit list leaves them out
CHUNK = 1 << 16  # samples read at a time while a stream is measured
PATIENCE = 60.0  # seconds without anything from ffmpeg after which it is stopped
TICKS = 10  # in which they are counted: of the time that a program is suspended, only one tick counts
# Complaints of ffmpeg's output, which takes no notice of times.
HARMLESS = re.compile(rb"^\[f32le @ .*\n?", re.MULTILINE)
SPEAKER = re.compile(r"\[[^\]]* @ [0-9a-fx]+\] *")  # the part of ffmpeg that a message is from, with its address


def is_installed() -> bool:
    """Whether both commands are on the PATH."""
    return all(map(shutil.which, ("ffmpeg", "ffprobe")))


def probe(path: Path, stream: int, structure: Structure, tolerate_damage: bool = False) -> tuple[AudioInfo, int]:
    """Properties and channel mask of a stream of audio, which is decoded to its end, as headers may be wrong.

    Args:
        path: of the file.
        stream: number of the stream.
        structure: of the file.
        tolerate_damage: whatever can be decoded counts.

    Raises:
        InputError: ffmpeg cannot read the file, or the file has no such stream or no audio.
        DamagedAudio: the stream is damaged, or shorter than the file says.
    """
    found = _describe(path)
    streams = found["streams"]
    if stream >= len(streams):
        raise InputError(
            f"{path}: holds {count(len(streams), 'stream')} of audio, numbered from 0; got number {stream}"
        )
    rate, channels = int(streams[stream].get("sample_rate", 0)), int(streams[stream].get("channels", 0))
    if rate < 1 or channels < 1:
        raise InputError(f"{path}: no audio file that can be read (ffmpeg: no rate or no channels)")
    info = AudioInfo(rate, channels, 0)
    samples = sum(map(len, _decoded(path, stream, info, structure, CHUNK, tolerate_damage)))
    if samples == 0:
        raise InputError(f"{path}: holds no audio (0 samples)")
    expected = max(_promised(found, stream), ((structure.samples or 0) - structure.trimmed) / rate)
    margin = MARGIN
    if structure.samples is not None and not structure.trimmed:
        margin = 0.0
    elif found["format"].get("format_name") in EXACT:
        margin = ROUNDING
    if not tolerate_damage and samples < rate * (expected - margin):
        raise DamagedAudio(
            f"{path}: truncated, its header promises {expected:.2f} s, {samples / rate:.2f} s can be decoded"
        )
    # An encoder fills its last frame, and ffmpeg gives that out as well.
    exact = mp4.audio_length(path, stream, rate) if "mov" in found["format"].get("format_name", "") else None
    if exact and samples - PADDING <= exact < samples:
        samples = exact
    return info._replace(samples=samples), _mask(streams[stream].get("channel_layout", "")) or structure.mask


def read_blocks(
    path: Path,
    stream: int,
    info: AudioInfo,
    structure: Structure,
    start: int,
    samples: int,
    block: int,
    tolerate_damage: bool = False,
) -> Iterator[np.ndarray]:
    """Decodes from the beginning of the file, as few formats seek exactly, and drops the samples before `start`.

    Args:
        path: of the file.
        stream: number of the stream of audio.
        info: its properties.
        structure: of the file.
        start: the first sample.
        samples: number of samples.
        block: samples of a block; the last ones may have fewer.
        tolerate_damage: pass over what cannot be decoded.

    Yields:
        float32 (samples, channels), channels in WAVE order.

    Raises:
        DamagedAudio: the stream is damaged, or ends early.
    """
    end, position = start + samples, 0
    with contextlib.closing(_decoded(path, stream, info, structure, block, tolerate_damage)) as pieces:
        for piece in pieces:
            wanted = piece[max(0, start - position) : max(0, end - position)]
            position += len(piece)
            if len(wanted):
                yield wanted
            if position >= end:
                return
    raise DamagedAudio(f"{path}: truncated, {count(end, 'sample')} expected, {position} can be decoded")


def headers(path: Path) -> list[dict[str, Any]]:
    """The properties of each stream of audio by ffprobe's names, as headers tell them: nothing is decoded.

    Raises:
        InputError: ffmpeg cannot read the file.
    """
    return _describe(path)["streams"]


def _describe(path: Path) -> dict[str, Any]:
    """The answer of ffprobe: properties of the streams of audio and of the container."""
    entries = "stream=codec_name,sample_rate,channels,channel_layout,duration,bits_per_raw_sample:stream_tags=DURATION"
    options = [
        "-v",
        "error",
        "-select_streams",
        "a",
        "-show_entries",
        f"{entries}:format=duration,format_name,nb_streams",
    ]
    command = ["ffprobe", *options, "-of", "json", *SAFE, f"file:{os.fspath(path)}"]
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=nothing, stdout=pipe, stderr=pipe, process_group=0)
    with process, watched(process, _stuck(path)):
        answer, complaints = process.communicate()
    if process.returncode:
        raise InputError(f"{path}: no audio file that can be read (ffmpeg: {last_line(complaints, path)})")
    return {"streams": [], "format": {}} | json.loads(answer)


def _promised(found: dict[str, Any], stream: int) -> float:
    """The seconds of a stream by the header; 0 where it does not tell them."""
    container, properties = found["format"], found["streams"][stream]
    if not (TIMED | EXACT) & set(container.get("format_name", "").split(",")):
        return 0.0
    if clock := re.fullmatch(r"(\d+):(\d+):(\d+\.?\d*)", properties.get("tags", {}).get("DURATION", "")):
        return 3600 * int(clock[1]) + 60 * int(clock[2]) + float(clock[3])
    whole = container.get("duration", 0) if container.get("nb_streams") == 1 else 0
    return float(properties.get("duration", whole))


@functools.lru_cache(maxsize=1)
def _layouts() -> dict[str, int]:
    """The masks of the layouts of channels that ffmpeg has names for."""
    command = ["ffmpeg", "-hide_banner", "-layouts"]
    text = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, text=True).stdout
    return {name: mask_of_names(parts.split("+")) for name, parts in re.findall(r"(?m)^(\S+) +(\S+)$", text)}


def _mask(layout: str) -> int:
    """The mask of a layout by ffprobe's name; 0 where it is unknown."""
    return mask_of_names(layout.split("+")) if "+" in layout else _layouts().get(layout, 0) if layout else 0


def _decoded(
    path: Path, stream: int, info: AudioInfo, structure: Structure, block: int, tolerate_damage: bool
) -> Generator[np.ndarray, None, None]:
    """The whole stream, float32 (samples, channels)."""
    strict = [] if tolerate_damage else ["-err_detect", "crccheck"]
    source = [*SAFE, *strict, *structure.ffmpeg, "-i", f"file:{os.fspath(path)}", "-map", f"0:a:{stream}"]
    # The next stream of a chained file may have another rate.
    output = ["-ar", str(info.sample_rate), "-c:a", "pcm_f32le", "-f", "f32le", "-"]
    frame = 4 * info.channels
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            ["ffmpeg", "-v", "error", "-nostdin", *source, *output],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            process_group=0,  # Ctrl-C is for this process, which ends ffmpeg; else a song would seem to be damaged
        )
        try:
            while data := _next_bytes(process, frame * block, path):
                yield np.frombuffer(data[: len(data) // frame * frame], "<f4").reshape(-1, info.channels)
            with watched(process, _stuck(path)):
                process.wait()
        finally:
            process.kill()
            if process.stdout:
                process.stdout.close()
            process.wait()
        complaints.seek(0)
        text = HARMLESS.sub(b"", complaints.read())
        # After a truncated file the status is 0, but a message is there. Tags between files that were joined give
        # messages, too; their structure tells whether audio is missing.
        if not tolerate_damage and (process.returncode or (text and not structure.tags)):
            raise DamagedAudio(f"{path}: damaged, it cannot be decoded to its end (ffmpeg: {last_line(text, path)})")


def _next_bytes(process: subprocess.Popen[bytes], size: int, path: Path) -> bytes:
    """The next bytes of the output, none at its end."""
    assert process.stdout is not None  # it is a pipe
    with watched(process, _stuck(path)):
        return process.stdout.read(size)


def _stuck(path: Path) -> DamagedAudio:
    return DamagedAudio(f"{path}: damaged, nothing came from ffmpeg for {PATIENCE:g} s")


@contextlib.contextmanager
def watched(process: subprocess.Popen[bytes], error: Exception) -> Iterator[None]:
    """Stops a process if the block takes longer than `PATIENCE`, and then raises an error."""
    done, stopped = threading.Event(), threading.Event()

    def watch() -> None:
        if not any(done.wait(PATIENCE / TICKS) for _ in range(TICKS)):
            stopped.set()
            process.kill()

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        done.set()
    if stopped.is_set():
        raise error


def last_line(complaint: bytes, path: Path) -> str:
    """The last line of ffmpeg's messages, without the file's name and addresses in memory."""
    lines = [line.strip() for line in complaint.decode(errors="replace").splitlines() if line.strip()]
    return (
        SPEAKER.sub("", lines[-1]).replace(f"file:{os.fspath(path)}: ", "").rstrip(".") if lines else "no reason given"
    )
