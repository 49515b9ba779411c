"""Sung words: the words of a speech synthesizer, stretched to the length of notes and moved to their pitch.

Flite speaks; WORLD (Morise, Yokomori and Ozawa 2016, "WORLD: a vocoder-based high-quality speech synthesis system for
real-time applications") splits the speech into pitch, spectral envelope and noise, and synthesizes it again.
"""

import functools
import shutil
import subprocess
import tempfile
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from auralflow.songs.score import Note
from auralflow.songs.synthesis import Frames, smooth
from auralflow.songs.voice import Singer, intonation
from auralflow_core.audio.resample import resample
from auralflow_core.errors import InputError
from auralflow_core.optional import needs

RATE = 16000  # Hz, of flite's speech
PERIOD = 5.0  # ms from frame to frame
PER_SECOND = 1000 / PERIOD
VOICES = {"slt": 1.12, "rms": 0.97, "awb": 1.0, "kal16": 0.95}  # name -> formants relative to those of an average man
WORDS = """
love you night day time light heart home way down rain fire blue dream stay gone free run sky sea road moon sun star
hand eyes mind soul world life long feel know see hear come fall hold turn wait breathe sing dance fly shine call need
want give take leave lose find keep high low deep cold warm slow wild young old new last first more now here there
where when why how all one two me we she they never over again away into under baby always only river summer morning
silver golden shadow window water mother brother stranger longer closer higher colour wonder
""".split()
SILENCE = 1e-10  # power of a spectral envelope


class Word(NamedTuple):
    """WORLD's analysis of a spoken word, frame by frame."""

    envelope: np.ndarray  # (frames, bins), power
    noise: np.ndarray  # (frames, bins), share of the amplitude that is noise
    voiced: slice  # frames from the first to the last vowel


def check_package() -> None:
    """Raises a MissingPackage without the package pyworld."""
    with needs("pyworld"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "pkg_resources is deprecated")  # pyworld imports it
        import pyworld  # noqa: F401


def check_program() -> None:
    """Raises an InputError if the program flite is missing."""
    if shutil.which("flite") is None:
        raise InputError(
            "sampled songs need the program flite, which is not on the PATH; it comes with the system's "
            "packages, in Debian `apt-get install flite`"
        )


def sing_words(
    rng: np.random.Generator, singer: Singer, notes: list[Note], samples: int, sample_rate: int
) -> np.ndarray:
    """Sings a line on random words; see `voice.sing`, which sings syllables.

    Args:
        rng: the random generator.
        singer: range, vocal tract, vibrato and glides; the voice itself is random.
        notes: in order of time, without overlaps.
        samples: length of the song.
        sample_rate: Hz.

    Returns:
        (samples,) float32.
    """
    import pyworld

    name = str(rng.choice(list(VOICES)))
    words = [_speak(name, str(word)) for word in rng.choice(WORDS, 16, replace=False)]
    count = int(np.ceil(samples / sample_rate * PER_SECOND)) + 1
    envelope = np.full((count, words[0].envelope.shape[1]), SILENCE)
    noise = np.ones_like(envelope)
    voiced = np.zeros(count, bool)
    for group in _syllables(notes):
        _place(words[rng.integers(len(words))], group, envelope, noise, voiced)
    pitch = _contour(rng, singer, notes, count)
    frequency = np.where(voiced, 440 * 2 ** ((pitch - 69) / 12), 0.0)
    envelope = _warp(envelope, singer.formant_scale / VOICES[name])
    speech = pyworld.synthesize(frequency, envelope, noise, RATE, PERIOD).astype(np.float32)  # pyright: ignore[reportAttributeAccessIssue]
    audio = resample(speech[None], RATE, sample_rate)[0]
    audio = np.pad(audio, (0, max(0, samples - len(audio))))[:samples]
    return audio if sample_rate <= RATE else audio + _air(rng, audio, sample_rate)


@functools.cache
def _speak(voice: str, word: str) -> Word:
    """Speaks a word and analyzes it, without the silence around it."""
    import pyworld

    with tempfile.TemporaryDirectory(prefix="auralflow-") as folder:
        path = Path(folder) / "word.wav"
        process = subprocess.run(
            ["flite", "-voice", voice, "-t", word, "-o", str(path)], capture_output=True, text=True, check=False
        )
        if process.returncode or not path.exists():
            raise InputError(
                f"flite cannot speak with the voice {voice!r} ({process.stderr.strip()}); a flite with "
                f"the voices {', '.join(VOICES)} is expected"
            )
        speech, rate = soundfile.read(path, dtype="float64")
    speech = resample(speech[None].astype(np.float32), rate, RATE)[0].astype(np.float64)
    loud = np.flatnonzero(np.abs(speech) > 0.02 * np.abs(speech).max())
    speech = speech[max(0, loud[0] - RATE // 100) : loud[-1] + RATE // 50]
    speech /= np.sqrt(np.mean(speech**2))
    frequency, times = pyworld.dio(speech, RATE, frame_period=PERIOD)  # pyright: ignore[reportAttributeAccessIssue]
    frequency = pyworld.stonemask(speech, frequency, times, RATE)  # pyright: ignore[reportAttributeAccessIssue]
    envelope = pyworld.cheaptrick(speech, frequency, times, RATE)  # pyright: ignore[reportAttributeAccessIssue]
    noise = pyworld.d4c(speech, frequency, times, RATE)  # pyright: ignore[reportAttributeAccessIssue]
    vowels = np.flatnonzero(frequency > 0)
    voiced = slice(int(vowels[0]), int(vowels[-1]) + 1) if len(vowels) else slice(0, len(frequency))
    return Word(envelope, noise, voiced)


def _syllables(notes: list[Note]) -> list[tuple[float, float]]:
    """Start and end in seconds of each word, which lasts for a note and the notes slurred to it."""
    spans: list[tuple[float, float]] = []
    for note in notes:
        end = note.start + note.duration
        if note.slurred and spans:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((note.start, end))
    return spans


def _place(word: Word, span: tuple[float, float], envelope: np.ndarray, noise: np.ndarray, voiced: np.ndarray) -> None:
    """Writes a word into the song's frames: its vowels are stretched to the span, the sounds around them are not."""
    start, end = (round(time * PER_SECOND) for time in span)
    first, last = word.voiced.start, word.voiced.stop
    tail = min(len(word.envelope) - last, max(0, (end - start) // 4))
    places = np.concatenate(
        [np.arange(first), np.linspace(first, last - 1, max(1, end - tail - start)), np.arange(last, last + tail)]
    )
    frames = np.arange(start - first, start - first + len(places))
    inside = (frames >= 0) & (frames < len(envelope))
    frames, places = frames[inside], np.round(places[inside]).astype(int)
    envelope[frames], noise[frames] = word.envelope[places], word.noise[places]
    voiced[frames] = (places >= first) & (places < last)


def _contour(rng: np.random.Generator, singer: Singer, notes: list[Note], count: int) -> np.ndarray:
    """MIDI pitch of each frame, (count,)."""
    pitch, vibrato = np.full(count, notes[0].pitch if notes else 60.0), np.zeros(count)
    for note in notes:
        start, stop = (round(time * PER_SECOND) for time in (note.start, note.start + note.duration))
        pitch[start:] = note.pitch
        if note.duration > 0.3:
            vibrato[start + round(0.2 * PER_SECOND) : stop] = singer.vibrato_depth * rng.uniform(0.7, 1.3)
    return intonation(rng, singer, pitch, vibrato, PER_SECOND)


def _warp(envelope: np.ndarray, scale: float) -> np.ndarray:
    """Moves the formants of (frames, bins) up by a factor, as a shorter vocal tract does."""
    bins = np.arange(envelope.shape[1])
    low = np.clip(bins / scale, 0, bins[-1])
    left = np.minimum(low.astype(int), bins[-1] - 1)
    part = low - left
    logs = np.log(envelope)
    return np.ascontiguousarray(np.exp((1 - part) * logs[:, left] + part * logs[:, left + 1]))


def _air(rng: np.random.Generator, audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Noise above the band of flite's voices, with a level taken from the octave below: (samples,)."""
    frames = Frames(len(audio), sample_rate)
    known = (frames.frequencies > 0.25 * RATE) & (frames.frequencies < 0.45 * RATE)
    level = np.abs(frames.analyze(audio))[:, known].mean(axis=1)
    edge = 0.45 * RATE
    gain = np.where(frames.frequencies > edge, (edge / np.maximum(frames.frequencies, edge)) ** 2, 0)
    hiss = frames.analyze(rng.standard_normal(len(audio), np.float32))
    flat = np.sqrt(np.sum(frames.window**2))  # about the mean magnitude of white noise in a bin
    return frames.synthesize(hiss * (smooth(level, 3) / flat)[:, None] * gain)
