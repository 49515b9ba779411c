"""A synthetic voice: glottal pulses and noise through formants that move from sound to sound.

The vowels' formants are the men's averages of Peterson and Barney, "Control methods used in a study of the vowels",
JASA 24 (1952), table II; a singer scales them. The source-filter model is Fant's.
"""

from typing import NamedTuple

import numpy as np

from auralflow.songs.score import Note
from auralflow.songs.synthesis import Frames, bell, oscillate, smooth, wavetable

VOWELS = {  # Hz: the first three formants
    "i": (270, 2290, 3010),
    "I": (390, 1990, 2550),
    "e": (530, 1840, 2480),
    "ae": (660, 1720, 2410),
    "a": (730, 1090, 2440),
    "o": (570, 840, 2410),
    "U": (440, 1020, 2240),
    "u": (300, 870, 2240),
    "V": (640, 1190, 2390),
    "er": (490, 1350, 1690),
}
UPPER = (3500, 4500, 5600, 6700, 7800, 9000, 10300)  # Hz: formants that hardly move
BANDWIDTHS = (80, 100, 130)  # Hz
COLOURS = {"s": (7000, 0.35), "sh": (3600, 0.4), "f": (5500, 1.3), "t": (4800, 0.7), "k": (2100, 0.45), "p": (900, 0.9)}
HARMONICS = np.unique(np.geomspace(4, 512, 29).astype(int))  # sizes of the glottal wavetables


class Consonant(NamedTuple):
    """The sound before a vowel."""

    seconds: float
    voicing: float  # gain of the glottal pulses
    noise: float = 0.0  # gain of the noise
    colour: str | None = None  # of the noise; None: breath through the formants of the vowel
    formants: tuple[float, float, float] | None = None  # None: the vowel's
    burst: bool = False  # silence, then noise for the last third only


CONSONANTS = (
    Consonant(0.10, 0.0, 0.5, "s"),
    Consonant(0.10, 0.0, 0.5, "sh"),
    Consonant(0.09, 0.0, 0.25, "f"),
    Consonant(0.07, 0.35, 0.3, "s"),
    Consonant(0.06, 0.4, 0.15, "f"),
    Consonant(0.07, 0.0, 0.35),
    Consonant(0.07, 0.0, 0.6, "t", burst=True),
    Consonant(0.08, 0.0, 0.6, "k", burst=True),
    Consonant(0.07, 0.0, 0.5, "p", burst=True),
    Consonant(0.05, 0.15, 0.4, "t", burst=True),
    Consonant(0.05, 0.15, 0.3, "p", burst=True),
    Consonant(0.07, 0.45, formants=(270, 1100, 2200)),
    Consonant(0.06, 0.45, formants=(270, 1600, 2500)),
    Consonant(0.06, 0.6, formants=(360, 1250, 2700)),
    Consonant(0.06, 0.6, formants=(420, 1150, 1500)),
    Consonant(0.06, 0.6, formants=(290, 650, 2250)),
    Consonant(0.05, 0.6, formants=(270, 2250, 2950)),
)


class Singer(NamedTuple):
    """The properties of a singer's voice."""

    centre: float  # MIDI number in the middle of the range
    formant_scale: float  # 1 for a long vocal tract, about 1.2 for a short one
    tilt: float  # the k-th harmonic of the pulses has amplitude k**-tilt
    breath: float  # gain of the noise in vowels
    vibrato_rate: float  # Hz
    vibrato_depth: float  # semitones
    glide: float  # seconds from one pitch to the next


def draw_singer(rng: np.random.Generator) -> Singer:
    """A singer between bass and soprano; higher voices tend to have shorter vocal tracts."""
    height = rng.uniform(0, 1)
    return Singer(
        46 + 23 * height,
        0.93 + 0.24 * height + rng.uniform(-0.05, 0.05),
        rng.uniform(0.75, 1.15),
        rng.uniform(0.08, 0.25),
        rng.uniform(4.8, 6.3),
        rng.uniform(0.15, 0.55),
        rng.uniform(0.05, 0.11),
    )


class _Tracks:
    """The controls of the synthesis, one value per frame."""

    def __init__(self, frames: Frames):
        self.pitch = np.zeros(frames.count)
        self.voicing = np.zeros(frames.count)
        self.vibrato = np.zeros(frames.count)
        self.formants = np.full((3, frames.count), 500.0) * np.array([[1], [3], [5]])
        self.breath = np.zeros(frames.count)
        self.noise = {colour: np.zeros(frames.count) for colour in COLOURS}


def sing(rng: np.random.Generator, singer: Singer, notes: list[Note], samples: int, sample_rate: int) -> np.ndarray:
    """Sings a line on made-up syllables.

    Args:
        rng: the random generator, for syllables and unsteadiness.
        singer: whose voice.
        notes: in order of time, without overlaps.
        samples: length of the song.
        sample_rate: Hz.

    Returns:
        (samples,) float32; vowels have an RMS of about one.
    """
    frames = Frames(samples, sample_rate)
    tracks = _articulate(rng, singer, notes, frames)
    pitch = intonation(rng, singer, tracks.pitch, tracks.vibrato, frames.rate)
    frequency = frames.at_samples(440 * 2 ** ((pitch - 69) / 12))
    pulses = _glottal_pulses(frequency, singer.tilt, sample_rate)
    formants = smooth(tracks.formants, round(0.05 * frames.rate)) * singer.formant_scale
    mouth = _mouth(frames, formants, singer)
    breath, voicing = (smooth(track, round(0.02 * frames.rate)) for track in (tracks.breath, tracks.voicing))
    voicing *= 1 + 0.1 * smooth(rng.standard_normal(frames.count), round(0.1 * frames.rate))
    spectra = frames.analyze(pulses) * (mouth * voicing[:, None].astype(np.float32))
    hiss = rng.standard_normal(samples, np.float32)
    spectra += frames.analyze(hiss) * _noise_gain(frames, tracks, mouth, breath + singer.breath * voicing)
    return frames.synthesize(spectra)


def _articulate(rng: np.random.Generator, singer: Singer, notes: list[Note], frames: Frames) -> _Tracks:
    """Turns notes into control tracks: vowels, consonants that shorten the note before, breaths in rests."""
    tracks = _Tracks(frames)
    if not notes:
        return tracks
    names, vowel, end = list(VOWELS), "a", 0.0
    tracks.pitch[:] = notes[0].pitch
    for note in notes:
        start, stop = (round(time * frames.rate) for time in (note.start, note.start + note.duration))
        legato = slice(start, stop)
        tracks.pitch[start:] = note.pitch
        tracks.voicing[legato] = note.velocity * (1 - 0.25 * np.linspace(0, 1, len(tracks.voicing[legato])))
        if not note.slurred:
            vowel = names[rng.integers(len(names))]
        tracks.formants[:, start:] = np.array(VOWELS[vowel])[:, None]
        if rng.random() < 0.25:  # a diphthong
            tracks.formants[:, (start + 2 * stop) // 3 :] = np.array(VOWELS[names[rng.integers(len(names))]])[:, None]
        if note.duration > 0.3:
            late = start + round(0.2 * frames.rate)
            tracks.vibrato[late:stop] = singer.vibrato_depth * rng.uniform(0.7, 1.3)
        if note.start - end > 0.35:  # air for the phrase
            tracks.breath[max(0, start - round(0.34 * frames.rate)) : max(0, start - round(0.12 * frames.rate))] = 0.06
        if not note.slurred and rng.random() < 0.85:
            _consonant(tracks, CONSONANTS[rng.integers(len(CONSONANTS))], start, frames)
        end = note.start + note.duration
    return tracks


def _consonant(tracks: _Tracks, sound: Consonant, start: int, frames: Frames) -> None:
    """Writes a consonant into the frames before `start`."""
    length = round(sound.seconds * frames.rate)
    before = slice(max(0, start - length), start)
    tracks.voicing[before] = sound.voicing
    if sound.formants:
        tracks.formants[:, before] = np.array(sound.formants)[:, None]
    noisy = slice(max(0, start - length // 3), start + length // 6) if sound.burst else before
    track = tracks.noise[sound.colour] if sound.colour else tracks.breath
    track[noisy] = sound.noise


def intonation(
    rng: np.random.Generator, singer: Singer, pitch: np.ndarray, vibrato: np.ndarray, rate: float
) -> np.ndarray:
    """Turns the pitches of notes into those of a singer, with glides, vibrato that starts late, and unsteadiness.

    Args:
        rng: the random generator.
        singer: whose voice.
        pitch: (frames,), MIDI, of the notes.
        vibrato: (frames,), semitones.
        rate: frames in a second.

    Returns:
        (frames,), MIDI.
    """
    count = len(pitch)
    pitch = smooth(pitch, round(2 * singer.glide * rate))
    depth = smooth(vibrato, round(0.25 * rate))
    speed = singer.vibrato_rate * (1 + 0.3 * smooth(rng.standard_normal(count), round(0.5 * rate)))
    drift = 0.8 * smooth(rng.standard_normal(count), round(0.4 * rate))
    return pitch + depth * np.sin(2 * np.pi * np.cumsum(speed) / rate) + drift


def _glottal_pulses(frequency: np.ndarray, tilt: float, sample_rate: int) -> np.ndarray:
    """A pulse train (samples,) of varying frequency (samples,) in Hz, without harmonics above the Nyquist rate.

    All harmonics start as cosines, so that the energy of a period is concentrated in one moment, as in the glottis.
    """
    tables = np.stack([wavetable(np.arange(1, count + 1) ** -tilt) for count in HARMONICS])
    allowed = 0.48 * sample_rate / frequency
    level = np.clip(np.searchsorted(HARMONICS, allowed, side="right") - 1, 0, None)
    cycles = np.cumsum(frequency / sample_rate)
    return oscillate(tables, cycles, level)


def _mouth(frames: Frames, formants: np.ndarray, singer: Singer) -> np.ndarray:
    """Gain (frames, bins) of the vocal tract: a cascade of resonators, equally loud for every vowel."""
    power = np.ones((frames.count, len(frames.frequencies)), np.float32)
    for centre, width in zip(formants.astype(np.float32), BANDWIDTHS, strict=True):
        power *= _resonance(frames.frequencies, centre[:, None], width)
    for centre in UPPER:
        power *= _resonance(frames.frequencies, np.float32(centre * singer.formant_scale), 0.06 * centre)
    # Fant's correction for the resonances above the last one here; without it high frequencies would be far too weak.
    above = 1 / (1000 * singer.formant_scale**2 * (UPPER[-1] + 500))
    gain = np.exp(above * np.minimum(frames.frequencies, 8000) ** 2) / np.sqrt(power)
    weight = (frames.frequencies > 60) / np.maximum(frames.frequencies, 60) ** (2 * singer.tilt)  # of the pulses
    return gain / np.sqrt(gain**2 @ (weight / weight.sum()))[:, None].astype(np.float32)


def _noise_gain(frames: Frames, tracks: _Tracks, mouth: np.ndarray, breath: np.ndarray) -> np.ndarray:
    """Gain (frames, bins) of the noise: breath (frames,) through the mouth, and consonants of fixed colours."""
    colours = np.stack([3 * bell(frames.frequencies, centre, octaves) for centre, octaves in COLOURS.values()])
    consonants = np.stack([*tracks.noise.values()], axis=1).astype(np.float32) @ colours.astype(np.float32)
    lungs = 0.3 * mouth * np.minimum(frames.frequencies / 1000, 1)
    return consonants + breath[:, None].astype(np.float32) * lungs


def _resonance(frequencies: np.ndarray, centre: np.ndarray | np.float32, width: float) -> np.ndarray:
    """The inverse power response of a resonator: 1 at 0 Hz, (width / centre)**2 at its centre."""
    ratio = (frequencies / centre) ** 2
    return (1 - ratio) ** 2 + ratio * (np.float32(width) / centre) ** 2
