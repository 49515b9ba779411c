"""Pitched instruments: two wavetables for each note, of which the bright one decays faster."""

from typing import NamedTuple

import numpy as np

from auralflow.songs.score import Note
from auralflow.songs.synthesis import bell, oscillate, wavetable


class Timbre(NamedTuple):
    """The sound of an instrument."""

    tilt: float  # the k-th harmonic has amplitude k**-tilt, before the body
    body: tuple[tuple[float, float, float], ...]  # resonances at fixed frequencies: Hz, octaves, gain
    even: float  # gain of the even harmonics; 0 for a square or a clarinet
    attack: float  # seconds
    bright_life: float  # seconds in which the high harmonics fall by 1/e
    life: float  # seconds in which the other harmonics fall by 1/e
    bright: float  # gain of the high harmonics at the start
    release: float  # seconds
    detune: float  # semitones between the oscillators of the two channels
    vibrato: float = 0.0  # semitones
    drive: float = 0.0  # of a soft clipper over the whole part; 0: none


KINDS = {  # attack, bright_life, life, bright, release: the ranges of each kind
    "pluck": ((0.001, 0.005), (0.05, 0.2), (0.3, 1.0), (0.6, 1.5), (0.05, 0.15)),
    "keys": ((0.002, 0.006), (0.1, 0.4), (0.8, 2.0), (0.3, 1.0), (0.08, 0.2)),
    "pad": ((0.08, 0.4), (0.5, 3.0), (8.0, 20.0), (0.2, 0.8), (0.2, 0.5)),
    "organ": ((0.005, 0.02), (5.0, 10.0), (20.0, 30.0), (0.2, 0.7), (0.03, 0.08)),
    "lead": ((0.01, 0.05), (0.3, 2.0), (4.0, 10.0), (0.4, 1.0), (0.05, 0.1)),
    "bass": ((0.002, 0.01), (0.05, 0.4), (0.4, 3.0), (0.1, 0.7), (0.03, 0.06)),
}
STYLES = {
    "pad": ("pad", "organ"),
    "chords": ("keys", "organ", "pluck"),
    "strum": ("pluck",),
    "arpeggio": ("pluck", "keys", "lead"),
    "solo": ("lead", "pluck"),
}  # style of `score.accompaniment` -> kinds of instruments that play it


def draw_timbre(rng: np.random.Generator, kind: str) -> Timbre:
    """An instrument of one of the `KINDS`."""
    attack, bright_life, life, bright, release = (float(rng.uniform(*span)) for span in KINDS[kind])
    body = tuple(
        (float(np.exp(rng.uniform(np.log(250), np.log(5000)))), rng.uniform(0.3, 0.8), rng.uniform(0.5, 3.0))
        for _ in range(3)
    )
    wide = rng.uniform(0.03, 0.15) if kind == "pad" else rng.uniform(0, 0.06)
    return Timbre(
        rng.uniform(0.8, 1.8),
        body,
        rng.choice([1.0, 1.0, 0.5, 0.05]),
        attack,
        bright_life,
        life,
        bright,
        release,
        0.0 if kind == "bass" else wide,
        rng.uniform(0.0, 0.3) if kind == "lead" else 0.0,
        rng.uniform(0.0, 1.5) if kind == "bass" else 0.0,
    )


def play(rng: np.random.Generator, timbre: Timbre, notes: list[Note], samples: int, sample_rate: int) -> np.ndarray:
    """Plays the notes of one part.

    Args:
        rng: the random generator.
        timbre: the instrument.
        notes: in any order; they may overlap.
        samples: length of the song.
        sample_rate: Hz.

    Returns:
        (2, samples) float32. A note of velocity 1 has an RMS of about one before it decays.
    """
    part = np.zeros((2, samples), np.float32)
    fade = int(timbre.release * sample_rate)
    ramp = np.cos(np.linspace(0, np.pi / 2, fade, dtype=np.float32)) ** 2
    for pitch in sorted({note.pitch for note in notes}):
        same = [note for note in notes if note.pitch == pitch and note.start * sample_rate < samples]
        lengths = [round(max(note.duration, 0.03) * sample_rate) for note in same]
        tone = _tone(rng, timbre, pitch, max(lengths, default=0) + fade, sample_rate)
        for note, length in zip(same, lengths, strict=True):
            begin = round(note.start * sample_rate)
            sound = tone[:, : length + fade] * np.float32(note.velocity)
            sound[:, length:] *= ramp
            room = samples - begin
            part[:, begin : begin + sound.shape[1]] += sound[:, :room]
    return np.tanh(timbre.drive * part) / timbre.drive if timbre.drive > 0.1 else part


def _tone(rng, timbre: Timbre, pitch: float, samples: int, sample_rate: int) -> np.ndarray:
    """A long tone of one pitch: (2, samples) float32."""
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    order = np.arange(1, max(2, int(min(0.46 * sample_rate / frequency, 400))))
    amplitudes = order**-timbre.tilt * np.where(order % 2, 1.0, timbre.even)
    amplitudes *= 1 + sum(gain * bell(order * frequency, centre, octaves) for centre, octaves, gain in timbre.body)
    time = np.arange(samples, dtype=np.float32) / sample_rate
    onset = np.minimum(time / timbre.attack, 1)
    dark = np.exp(-time / timbre.life) * onset
    bright = timbre.bright * np.exp(-time / timbre.bright_life) * onset
    wobble = timbre.vibrato * np.sin(2 * np.pi * 5.5 * time) * np.minimum(time / 0.4, 1) / (2 * np.pi * 5.5)
    phases = rng.uniform(-np.pi, np.pi, len(order))
    low, high = wavetable(amplitudes * order**-1.0, phases), wavetable(amplitudes, phases)
    tone = np.empty((2, samples), np.float32)
    for channel, side in enumerate((-0.5, 0.5)):
        shifted = frequency * 2 ** (side * timbre.detune / 12)
        # the vibrato is small, so the logarithm's derivative ln 2 / 12 stands for the exact ratio of frequencies
        cycles = shifted * (time.astype(np.float64) + np.log(2) / 12 * wobble) + 1 + rng.random() * timbre.detune
        tone[channel] = dark * oscillate(low, cycles) + bright * oscillate(high, cycles)
    return tone
