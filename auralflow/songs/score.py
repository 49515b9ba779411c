"""The score of a song: tempo, metre, key, form, chords, and the notes of each part."""

from typing import NamedTuple

import numpy as np

METRES = {"4/4": (16, 4), "3/4": (12, 4), "12/8": (12, 3)}  # steps in a bar, steps in a beat
MAJOR, MINOR, DORIAN, MIXOLYDIAN = (
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 3, 5, 7, 8, 10),
    (0, 2, 3, 5, 7, 9, 10),
    (0, 2, 4, 5, 7, 9, 10),
)  # semitones
PROGRESSIONS = {  # degrees of the scale, one for each bar
    MAJOR: ((0, 4, 5, 3), (0, 5, 3, 4), (3, 0, 4, 5), (0, 2, 3, 4), (5, 3, 0, 4), (1, 4, 0, 0)),
    MINOR: ((0, 5, 2, 6), (0, 3, 4, 0), (0, 6, 5, 6), (5, 6, 0, 0), (0, 2, 6, 3)),
    DORIAN: ((0, 3, 0, 3), (0, 6, 3, 0), (0, 1, 2, 3)),
    MIXOLYDIAN: ((0, 6, 3, 0), (0, 3, 6, 3), (0, 4, 6, 3)),
}
FORMS = (
    "intro verse chorus break chorus",
    "verse chorus verse chorus",
    "intro chorus verse chorus",
    "verse verse break chorus",
    "chorus verse chorus break",
)


class Note(NamedTuple):
    """One note of one part; a `slurred` note of a voice continues the syllable of the note before."""

    start: float  # seconds
    duration: float  # seconds
    pitch: float  # MIDI: 69 is 440 Hz, one is a semitone
    velocity: float = 1.0  # linear gain
    slurred: bool = False


class Section(NamedTuple):
    """A stretch of bars in which the same instruments play."""

    kind: str  # intro, verse, chorus or break
    bars: range
    parts: frozenset[str]  # vocals, drums, bass and other0, other1, ...


class Score(NamedTuple):
    """The properties that all parts of a song share."""

    seconds: float
    step: float  # seconds, the grid of all rhythms
    steps: int  # in a bar
    beat: int  # steps in a beat
    swing: float  # share of a step by which every second one is late
    tonic: int  # semitones above C
    scale: tuple[int, ...]  # semitones above the tonic
    sections: tuple[Section, ...]
    chords: tuple[int, ...]  # degree of the root, for each bar

    def time(self, bar: int, step: float) -> float:
        """Seconds from the start of the song."""
        late = self.swing if self.beat == 4 and step % 2 == 1 else 0.0
        return (bar * self.steps + step + late) * self.step

    def pitch(self, degree: int, octave: int) -> int:
        """MIDI number of a degree of the scale (0 is the tonic), in the octave that starts at C`octave - 1`."""
        return 12 * (octave + degree // 7) + self.tonic + self.scale[degree % 7]


def compose(rng: np.random.Generator, seconds: float, layers: int) -> Score:
    """Draws the tempo, key, form and chords of a song.

    Args:
        rng: the random generator.
        seconds: length of the song.
        layers: number of instruments in the stem `other`.
    """
    steps, beat = METRES[rng.choice(list(METRES), p=(0.68, 0.1, 0.22))]
    tempo = rng.uniform(72, 140) if beat == 4 else rng.uniform(60, 105)
    step = 60 / tempo / beat
    scale = (MAJOR, MINOR, DORIAN, MIXOLYDIAN)[rng.choice(4, p=(0.4, 0.35, 0.15, 0.1))]
    sections = _form(rng, int(np.ceil(seconds / (step * steps))), layers)
    progressions = rng.permutation(PROGRESSIONS[scale])
    chords = [int(progressions[int(section.kind == "chorus"), bar % 4]) for section in sections for bar in section.bars]
    swing = rng.choice([0.0, 0.15, 0.3], p=(0.6, 0.2, 0.2))
    return Score(seconds, step, steps, beat, swing, int(rng.integers(12)), scale, tuple(sections), tuple(chords))


def _form(rng: np.random.Generator, bars: int, layers: int) -> list[Section]:
    """Divides the bars into sections; every part plays in the first verse or chorus, so that none stays silent."""
    kinds = FORMS[rng.integers(len(FORMS))].split()
    if bars < 8:
        kinds = [kind for kind in kinds if kind in ("verse", "chorus")]
    everybody = {"vocals", "drums", "bass", *(f"other{i}" for i in range(layers))}
    sections, start, complete = [], 0, False
    while start < bars:
        kind = kinds[len(sections) % len(kinds)]
        end = min(bars, start + (2 if kind in ("intro", "break") else 4))
        absent = set()
        if kind == "intro":
            absent = {"vocals", *rng.choice(["drums", "bass", "other1", "nobody"], 2)}
        elif kind == "break":
            absent = set(rng.choice(["drums", "bass", "vocals", "other0"], 2, replace=False))
        elif kind == "verse" and complete:
            absent = set(rng.choice(["other1", "other2", "bass", "nobody"], 1))
        complete |= not absent
        sections.append(Section(kind, range(start, end), frozenset(everybody - absent)))
        start = end
    return sections


def rhythm(rng: np.random.Generator, score: Score, density: float) -> np.ndarray:
    """Draws the steps of a bar on which notes start: strong steps more often than weak ones, the first one always."""
    step = np.arange(score.steps)
    half = 2 if score.beat == 4 else 1
    strength = np.where(step % score.beat == 0, 1.0, np.where(step % half == 0, 0.7, 0.2))
    chosen = rng.random(score.steps) < density * strength
    chosen[0] = True
    return np.flatnonzero(chosen)


def melody(rng: np.random.Generator, score: Score, centre: float) -> list[Note]:
    """A sung line: phrases of two bars that end in a rest, motifs that return, leaps that turn back.

    Args:
        rng: the random generator.
        score: the song.
        centre: MIDI number in the middle of the singer's range.
    """
    density = float(np.clip(rng.uniform(2.2, 4.2) * score.step * score.beat / 1.7, 0.35, 1.0))  # syllables a second
    motifs = {kind: [rhythm(rng, score, density) for _ in range(2)] for kind in ("intro", "verse", "chorus", "break")}
    home = round((centre - score.pitch(0, 0)) * 7 / 12)  # the degree nearest to the centre
    notes, degree = [], home
    for section in score.sections:
        if "vocals" not in section.parts:
            continue
        lift = 2 if section.kind == "chorus" else 0
        for first in section.bars[::2]:
            bars = [bar for bar in (first, first + 1) if bar in section.bars]
            if first != section.bars[0] and rng.random() < 0.15:
                continue  # two bars without the voice
            end = len(bars) * score.steps - rng.choice([score.beat, score.beat + 2, 2 * score.beat])
            onsets = [i * score.steps + int(s) for i, bar in enumerate(bars) for s in motifs[section.kind][i]]
            onsets = [step for step in onsets if step <= end - 2] or [0]
            for step, until in zip(onsets, [*onsets[1:], end], strict=True):
                degree = _next_degree(rng, score, degree, home + lift, first + step // score.steps, step)
                start, stop = score.time(first, step), score.time(first, until)
                slurred = step != onsets[0] and rng.random() < 0.15
                notes.append(Note(start, stop - start, score.pitch(degree, 0), rng.uniform(0.75, 1.0), slurred))
    return notes


def _next_degree(rng: np.random.Generator, score: Score, degree: int, home: int, bar: int, step: int) -> int:
    """A small random move with a pull towards `home`; on a beat, the nearest tone of the chord."""
    degree += int(rng.choice([-2, -1, 0, 1, 2, 3], p=(0.15, 0.27, 0.13, 0.25, 0.15, 0.05)))
    degree -= int(np.sign(degree - home)) * (abs(degree - home) > int(rng.integers(3, 6))) * 2
    if step % score.beat == 0:
        near = [degree + move for move in (0, -1, 1) if (degree + move - score.chords[bar]) % 7 in (0, 2, 4)]
        degree = near[0] if near else degree
    return degree


def bass_line(rng: np.random.Generator, score: Score) -> list[Note]:
    """One note at a time: roots, fifths and octaves of the chords, the roots between 41 and 78 Hz."""
    density, gate = rng.uniform(0.25, 1.0), rng.uniform(0.6, 1.0)
    steps = rhythm(rng, score, density)
    moves = rng.choice([0, 4, 7], len(steps), p=(0.65, 0.2, 0.15)) * (steps > 0)  # degrees above the root
    notes = []
    for section in score.sections:
        for bar in section.bars if "bass" in section.parts else ():
            lift = 12 * ((39 - score.pitch(score.chords[bar], 2)) // 12)  # brings the root to 28 ... 39
            for step, until, move in zip(steps, [*steps[1:], score.steps], moves, strict=True):
                pitch = score.pitch(score.chords[bar] + int(move), 2) + lift
                start, stop = score.time(bar, step), score.time(bar, until)
                notes.append(Note(start, gate * (stop - start), pitch, rng.uniform(0.8, 1.0)))
    return notes


def accompaniment(rng: np.random.Generator, score: Score, layer: str, style: str) -> list[Note]:
    """The notes of one layer of the stem `other`.

    Args:
        rng: the random generator.
        score: the song.
        layer: its name among a section's parts.
        style: `pad` (held chords), `chords` (rhythmic), `strum` (rhythmic, string after string), `arpeggio` or `solo`
            (a single free line).
    """
    steps = np.zeros(1, int) if style == "pad" else rhythm(rng, score, rng.uniform(0.4, 1.0))
    if style == "arpeggio":
        steps = np.arange(0, score.steps, rng.choice([1, 2]))
    octave, shape = int(rng.integers(4, 6)), rng.permutation(np.array([0, 2, 4, 7]))
    voices = np.array([0, 2, 4, 6] if rng.random() < 0.4 else [0, 2, 4])
    notes, degree = [], 0
    for section in score.sections:
        for bar in section.bars if layer in section.parts else ():
            for count, (step, until) in enumerate(zip(steps, [*steps[1:], score.steps], strict=True)):
                start, stop = score.time(bar, step), score.time(bar, until)
                if style == "arpeggio":
                    degrees = score.chords[bar] + shape[[count % len(shape)]]
                elif style == "solo":
                    degree = _next_degree(rng, score, degree, 2, bar, int(step))
                    degrees = np.array([degree])
                else:
                    degrees = score.chords[bar] + voices
                delays = np.arange(len(degrees)) * (rng.uniform(0.008, 0.02) if style == "strum" else 0.0)
                start += abs(rng.normal(0, 0.004))
                notes += [
                    Note(start + delay, stop - start - delay, score.pitch(int(d), octave), rng.uniform(0.7, 1.0))
                    for delay, d in zip(delays, degrees, strict=True)
                ]
    return notes
