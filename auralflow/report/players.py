"""Players of several versions of the same seconds of a track, between which a listener switches while they play."""

import io
import math
from collections.abc import Mapping
from html import escape
from typing import NamedTuple

import numpy as np
import soundfile

from auralflow.report.markup import data_uri, picture
from auralflow_core.audio import resample
from auralflow_core.audio.encode import MP3_BITRATES, Encoding
from auralflow_core.console.progress import duration
from auralflow_core.errors import InputError
from auralflow_core.plots.signals import spectrogram_figure

LOSSLESS = Encoding("flac", 16)
# A third to two thirds of the size, and played by more browsers than ogg. With fewer kbit/s LAME lowers the level.
SMALL = Encoding("mp3", bitrate=256)
MEDIA_TYPES = {"flac": "audio/flac", "mp3": "audio/mpeg"}
MP3_RATE = 48000  # Hz, where mp3 does not have the audio's rate at all, or not with the bit rate


class Example(NamedTuple):
    """One target of one track, or some seconds of it, to be listened to.

    Attributes:
        track: the track's name.
        target: the target's name.
        versions: name -> audio (channels, samples), all of one shape: the mixture, estimates, the reference.
        sample_rate: in Hz.
        start: the second of the track at which the audio begins; None: it is the whole track.
    """

    track: str
    target: str
    versions: Mapping[str, np.ndarray]
    sample_rate: int
    start: float | None = None


def player(example: Example, encoding: Encoding = LOSSLESS, opened: bool = True) -> str:
    """The versions as HTML audio elements, which the page's script turns into one player, and their spectrograms.

    Args:
        example: the versions.
        encoding: flac or mp3.
        opened: show the spectrograms from the start.

    Raises:
        InputError: the versions differ in shape, are not (channels, samples), or hold NaN or infinity.
    """
    _check(example)
    loudest = max(float(np.abs(audio).max()) for audio in example.versions.values())
    gain = min(1.0, 1 / max(loudest, 1e-9))  # one for all, so that their levels stay comparable
    seconds = next(iter(example.versions.values())).shape[1] / example.sample_rate
    sounds = "\n".join(
        f'<figure><figcaption>{escape(name)}</figcaption><audio controls preload="none" '
        f'src="{sound(gain * audio, example.sample_rate, encoding)}"></audio></figure>'
        for name, audio in example.versions.items()
    )
    remarks = [escape(example.target)]
    if example.start is not None:
        remarks.append(f"from {duration(example.start)}")
    if gain < 1:
        remarks.append(f"played {-20 * math.log10(gain):.1f} dB quieter, to fit")
    text = f"Spectrograms of {', '.join(example.versions)}: {example.target} of {example.track}"
    spectrograms = picture(spectrogram_figure(example.versions, example.sample_rate), text, "webp")
    return (
        f'<article class="card">\n<h3>{escape(example.track)} <span>&middot; {" &middot; ".join(remarks)}'
        f'</span></h3>\n<div class="player" data-seconds="{seconds:.6f}">\n{sounds}\n</div>\n'
        f"<details{' open' if opened else ''}><summary>Spectrograms</summary>{spectrograms}</details>\n</article>"
    )


def _check(example: Example) -> None:
    shapes = {name: np.shape(audio) for name, audio in example.versions.items()}
    if len(set(shapes.values())) != 1 or len(next(iter(shapes.values()))) != 2:
        found = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise InputError(
            f"example {example.track!r}: the versions have shapes {found or 'none'}, expected one shape "
            "(channels, samples)"
        )
    for name, audio in example.versions.items():
        if not np.isfinite(audio).all():
            raise InputError(
                f"example {example.track!r}: {name} of {example.target!r} holds NaN or infinity, which cannot be played"
            )


def sound(audio: np.ndarray, sample_rate: int, encoding: Encoding) -> str:
    """A data URI of audio (channels, samples) as a file of the encoding, flac or mp3."""
    if encoding.format == "mp3" and encoding.bitrate not in (None, *MP3_BITRATES.get(sample_rate, ())):
        audio, sample_rate = resample(audio, sample_rate, MP3_RATE), MP3_RATE
    audio = encoding.quantize_for_file(audio)[0]
    buffer = io.BytesIO()
    with soundfile.SoundFile(
        buffer, "w", sample_rate, len(audio), **encoding.options(sample_rate, *audio.shape)
    ) as file:
        file.write(audio.T)
    return data_uri(buffer.getvalue(), MEDIA_TYPES[encoding.format])
