"""A drum kit and its patterns."""

from typing import NamedTuple

import numpy as np

from auralflow.songs.score import Score
from auralflow.songs.synthesis import bell, coloured_noise


class Hit(NamedTuple):
    """One stroke."""

    start: float  # seconds
    piece: str  # of the kit
    velocity: float  # linear gain


PANS = {
    "kick": 0.0,
    "snare": 0.05,
    "hat": 0.35,
    "open": 0.35,
    "ride": -0.4,
    "crash": -0.3,
    "high tom": 0.3,
    "low tom": -0.3,
    "shaker": -0.5,
}  # -1 is left, 1 is right


def draw_kit(rng: np.random.Generator, sample_rate: int) -> dict[str, np.ndarray]:
    """Makes the sound of every piece of a kit; the peaks give the balance of the kit.

    Args:
        rng: the random generator.
        sample_rate: Hz.

    Returns:
        piece -> (samples,) float32.
    """
    clap, brightness = rng.random() < 0.3, rng.uniform(0.8, 1.2)
    tune = rng.uniform(0.85, 1.2)
    kit = {
        "kick": _drum(rng, sample_rate, rng.uniform(44, 60), rng.uniform(2.5, 6), rng.uniform(0.06, 0.18), 0.15, 3000),
        "snare": _snare(rng, sample_rate, 190 * tune, 2300 * brightness, clap),
        "high tom": 0.7 * _drum(rng, sample_rate, 130 * tune, 1.6, 0.2, 0.1, 2000),
        "low tom": 0.8 * _drum(rng, sample_rate, 85 * tune, 1.6, 0.25, 0.1, 1500),
        "hat": 0.22 * _cymbal(rng, sample_rate, 9000 * brightness, 0.03),
        "open": 0.2 * _cymbal(rng, sample_rate, 8000 * brightness, 0.22),
        "shaker": 0.14 * _cymbal(rng, sample_rate, 6500 * brightness, 0.04, attack=0.02),
        "ride": 0.16 * _cymbal(rng, sample_rate, 6000 * brightness, 0.35),
        "crash": 0.3 * _cymbal(rng, sample_rate, 5500 * brightness, 0.7),
    }
    return {piece: sound.astype(np.float32) for piece, sound in kit.items()}


def _time(seconds: float, sample_rate: int) -> np.ndarray:
    return np.arange(int(seconds * sample_rate)) / sample_rate


def _drum(rng, sample_rate: int, frequency: float, sweep: float, life: float, click: float, click_centre: float):
    """A drumhead: a sine that falls from `sweep` times `frequency` to `frequency`, and the click of the stick."""
    time = _time(6 * life, sample_rate)
    cycles = np.cumsum(frequency * (1 + (sweep - 1) * np.exp(-time / 0.025))) / sample_rate
    noise = coloured_noise(rng, len(time), sample_rate, lambda f: bell(f, click_centre, 1.0))
    return np.tanh(1.5 * np.sin(2 * np.pi * cycles) * np.exp(-time / life)) + click * noise * np.exp(-time / 0.006)


def _snare(rng, sample_rate: int, frequency: float, centre: float, clap: bool) -> np.ndarray:
    """Two modes of the drumhead and the noise of the wires; a clap is noise in four short bursts."""
    time = _time(0.5, sample_rate)
    noise = coloured_noise(rng, len(time), sample_rate, lambda f: bell(f, centre, 1.1) + 0.3 * (f > 4000) * (f < 14000))
    if clap:
        bursts = sum(np.exp(-(time - delay) / 0.006) * (time >= delay) for delay in (0, 0.011, 0.021))
        return 0.3 * noise * (bursts + np.exp(-(time - 0.03) / 0.07) * (time >= 0.03))
    skin = sum(np.sin(2 * np.pi * frequency * ratio * time) for ratio in (1.0, 1.63))
    return 0.3 * skin * np.exp(-time / 0.06) + 0.3 * noise * np.exp(-time / rng.uniform(0.05, 0.12))


def _cymbal(rng, sample_rate: int, centre: float, life: float, attack: float = 0.0) -> np.ndarray:
    """Metal: bright noise with a comb of dense, inharmonic lines."""
    time = _time(min(5 * life, 2.5), sample_rate)
    peaks = rng.uniform(0.4 * centre, 1.8 * centre, 40)

    def gain(frequencies: np.ndarray) -> np.ndarray:
        lines = sum(np.exp(-0.5 * ((frequencies - peak) / 15) ** 2) for peak in peaks)
        return bell(frequencies, centre, 0.6) * (0.25 + lines)

    noise = coloured_noise(rng, len(time), sample_rate, gain)
    return noise * np.exp(-time / life) * (np.minimum(time / attack, 1) if attack else 1)


def drum_part(rng: np.random.Generator, score: Score) -> list[Hit]:
    """Draws a groove for verses and one for choruses, repeats them, and ends sections with a fill."""
    grooves = {kind: _groove(rng, score) for kind in ("verse", "chorus")}
    hits = []
    for section in score.sections:
        if "drums" not in section.parts:
            continue
        groove = grooves["chorus" if section.kind == "chorus" else "verse"]
        if section.kind == "chorus":
            hits.append(Hit(score.time(section.bars[0], 0), "crash", 1.0))
        for bar in section.bars:
            fill = score.steps
            if bar == section.bars[-1] and len(section.bars) > 1 and rng.random() < 0.7:
                fill = score.steps - score.beat * int(rng.integers(1, 3))
            hits += [
                Hit(score.time(bar, step) + abs(rng.normal(0, 0.002)), piece, level * rng.uniform(0.8, 1.0))
                for piece, steps in groove.items()
                for step, level in steps
                if step < fill
            ]
            hits += [
                Hit(score.time(bar, step), rng.choice(["snare", "high tom", "low tom"]), rng.uniform(0.5, 1.0))
                for step in range(fill, score.steps)
                if rng.random() < 0.75
            ]
    return hits


def _groove(rng: np.random.Generator, score: Score) -> dict[str, list[tuple[int, float]]]:
    """One bar: piece -> (step, level). Kick on the first beat, snare on the backbeats, metal in between."""
    beats = range(0, score.steps, score.beat)
    backbeats = list(beats)[1::2] if len(beats) != 3 else [2 * score.beat]
    if rng.random() < 0.2 and len(beats) == 4:  # half time
        backbeats = [2 * score.beat]
    four = rng.random() < 0.25
    kick = [
        (step, 1.0)
        for step in range(score.steps)
        if step == 0
        or (four and step in beats)
        or (step not in backbeats and rng.random() < (0.4 if step % score.beat == 0 else 0.12))
    ]
    metal = rng.choice(["hat", "ride", "shaker"], p=(0.6, 0.2, 0.2))
    every = rng.choice([1, 2, 2, score.beat]) if score.beat == 4 else rng.choice([1, 1, score.beat])
    groove = {
        "kick": kick,
        "snare": [(step, 1.0) for step in backbeats],
        metal: [(step, 1.0 if step % score.beat == 0 else 0.6) for step in range(0, score.steps, every)],
    }
    if rng.random() < 0.5:  # quiet strokes between the backbeats
        groove["snare"] = groove["snare"] + [
            (step, 0.2) for step in range(score.steps) if step not in backbeats and rng.random() < 0.12
        ]
    if rng.random() < 0.4:
        groove["open"] = [(score.steps - score.beat // 2 - 1, 0.8)]
    return groove


def play_drums(rng: np.random.Generator, score: Score, samples: int, sample_rate: int) -> np.ndarray:
    """Plays a drum part on a random kit: (2, samples) float32, without reverberation."""
    kit = draw_kit(rng, sample_rate)
    stem = np.zeros((2, samples), np.float32)
    for start, piece, velocity in drum_part(rng, score):
        begin = round(start * sample_rate)
        sound = kit[piece][: max(0, samples - begin)]
        angle = (PANS[piece] + 1) * np.pi / 4
        for channel, gain in enumerate((np.cos(angle), np.sin(angle))):
            stem[channel, begin : begin + len(sound)] += np.float32(velocity * gain) * sound
    return np.tanh(stem)  # like the compression of drums in a mix
