"""Mixes of stems: a level and a place between left and right for each."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from auralflow_core.audio import probe, read_blocks
from auralflow_core.audio.encode import STEM_FILE, Encoding, writing
from auralflow_core.audio.stem_mp4 import StemFileWriter, arrange
from auralflow_core.dsp.streams import aligned
from auralflow_core.errors import InputError


class Fader(NamedTuple):
    """How a stem goes into a mix.

    Attributes:
        file: of the stem, mono or stereo.
        gain: factor of its samples.
        pan: from -1, left, to 1, right.
    """

    file: Path
    gain: float = 1.0
    pan: float = 0.0


def pan_matrix(pan: float, channels: int) -> np.ndarray:
    """The factors (2, channels) that put a stem between left and right; the page has the same in web/src/audio/pan.ts.

    Stereo follows the StereoPannerNode of the Web Audio API (W3C Recommendation, section 1.32): towards the left, the
    right channel moves over to the left with constant power, and the other way round; in the middle nothing changes.
    Mono has constant power, too, and is as loud as its samples in the middle.

    Args:
        pan: from -1, left, to 1, right.
        channels: 1 or 2.

    Example:
        >>> pan_matrix(0, 2).round(3).tolist(), pan_matrix(-1, 2).round(3).tolist()
        ([[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0], [0.0, 0.0]])
    """
    if channels == 1:
        angle = (pan + 1) * math.pi / 4
        return math.sqrt(2) * np.array([[math.cos(angle)], [math.sin(angle)]])
    angle = (pan + 1 if pan <= 0 else pan) * math.pi / 2
    away, along = math.cos(angle), math.sin(angle)
    return np.array([[1.0, away], [0.0, along]] if pan <= 0 else [[away, 0.0], [along, 1.0]])


def write_mix(faders: Sequence[Fader], path: Path, encoding: Encoding) -> int:
    """Writes the sum of stems as a file of two channels, in memory that does not grow with their length.

    Args:
        faders: of the stems that are heard.
        path: of the file, which appears when it is complete.
        encoding: its format.

    Returns:
        The number of samples beyond full scale, which the format cuts off.

    Raises:
        InputError: a stem cannot be read or has more than two channels, or the format does not have the sample rate.
        OSError: the mix cannot be written.
    """
    found = [probe(fader.file) for fader in faders]
    rate, samples, clipped = found[0].sample_rate, max(info.samples for info in found), 0
    for fader, info in zip(faders, found, strict=True):
        if info.channels > 2 or info.sample_rate != rate:
            raise InputError(
                f"{fader.file.name}: has {info.channels} channels at {info.sample_rate} Hz, expected one or two at "
                f"{rate} Hz"
            )
    streams = [_padded(read_blocks(fader.file), samples) for fader in faders]
    factors = [fader.gain * pan_matrix(fader.pan, info.channels) for fader, info in zip(faders, found, strict=True)]
    with writing([path], encoding, rate, 2, samples) as [writer]:
        for pieces in aligned(*streams):
            mixed = sum(factor @ piece for factor, piece in zip(factors, pieces, strict=True))
            audio, beyond = encoding.quantize_for_file(np.asarray(mixed, np.float32))
            writer.write(audio)
            clipped += beyond
    return clipped


def write_rendered(sound: Path, rate: int, path: Path, encoding: Encoding) -> int:
    """Writes sound that a player has computed, as `write_mix` does a mix.

    Args:
        sound: a file of float32, little-endian, left and right by turns.
        rate: samples per second.
        path: see `write_mix`.
        encoding: see `write_mix`.

    Returns:
        See `write_mix`.

    Raises:
        InputError: it holds no whole number of samples, or values that are not finite, or the format does not have the
            sample rate.
        OSError: the file cannot be written.
    """
    samples, rest = divmod(sound.stat().st_size, 8)
    if rest:
        raise InputError(f"the sound has {8 * samples + rest} bytes, expected a multiple of 8: two float32 a sample")
    clipped = 0
    with sound.open("rb") as stream, writing([path], encoding, rate, 2, samples) as [writer]:
        while data := stream.read(8 << 16):
            audio, beyond = encoding.quantize_for_file(np.frombuffer(data, "<f4").reshape(-1, 2).T)
            writer.write(audio)
            clipped += beyond
    return clipped


def write_stem_file(song: Path, stems: Mapping[str, Path], path: Path) -> int:
    """Writes a song and its four stems as one `.stem.mp4`, in memory that does not grow with their length.

    Args:
        song: the mixture.
        stems: files of its rate, channels and length, by their names.
        path: see `write_mix`.

    Returns:
        See `write_mix`.

    Raises:
        InputError: they are not four, a file cannot be read, the format does not have the rate or the channels, or
            there is no ffmpeg.
        OSError: the file cannot be written.
    """
    order, encoding, clipped = arrange(list(stems)), Encoding(STEM_FILE), 0
    files = [song, *[stems[name] for name in order]]
    rate, channels, samples = probe(song)
    opened = partial(StemFileWriter, stems=order)
    with writing([path], encoding, rate, channels, samples, open_writer=opened) as [writer]:
        for pieces in aligned(*[_padded(read_blocks(file), samples) for file in files]):
            audio, beyond = encoding.quantize_for_file(np.stack(pieces))
            writer.write(audio)
            clipped += beyond
    return clipped


def _padded(blocks: Iterator[np.ndarray], samples: int) -> Iterator[np.ndarray]:
    """A stream (channels, samples) with zeros at its end, up to a length."""
    channels = 1
    for block in blocks:
        yield block
        channels, samples = len(block), samples - block.shape[-1]
    while samples > 0:
        yield np.zeros((channels, part := min(samples, 1 << 16)), np.float32)
        samples -= part
