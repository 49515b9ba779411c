"""One song: composition, performance and mix."""

import os
from collections.abc import Callable, Sequence
from functools import partial, reduce
from pathlib import Path

import numpy as np

from auralflow.songs import sampler, sung
from auralflow.songs.drums import drum_part, play_drums
from auralflow.songs.instruments import STYLES, draw_timbre, play
from auralflow.songs.score import Note, Score, accompaniment, bass_line, compose, melody
from auralflow.songs.synthesis import limiter, reverberate, room
from auralflow.songs.voice import draw_singer, sing
from auralflow_core.errors import InputError, MissingPackage, closest

SOUNDS = ("synthesized", "sampled")
STEMS = ("vocals", "drums", "bass", "other")
LEVELS = {
    "vocals": (0, 0),
    "drums": (-3, 0),
    "bass": (-4, -1),
    "other": (-4, 0),
}  # dB relative to the vocals, while playing
LOUDNESS = (-14, -10)  # dBFS: RMS of a mixture
HIGHEST_SAMPLED_RATE = 96000  # Hz: the highest rate that FluidSynth plays at
PEAK = 0.97  # of the mixture and of each stem, at most


def make_song(
    seed: int | Sequence[int],
    seconds: float = 20.0,
    sample_rate: int = 44100,
    sound: str = "synthesized",
    soundfont: str | os.PathLike | None = None,
) -> dict[str, np.ndarray]:
    """Makes one song.

    Args:
        seed: one number or several; `make_songs` gives (its seed, the song's number).
        seconds: length, at least 2.
        sample_rate: Hz, at least 8000; of sampled songs at most 96000.
        sound: `synthesized`, or `sampled`, which needs the programs fluidsynth and flite and the packages of the
            extra `songs`.
        soundfont: the file with the instruments of a sampled song; default: one of the system's.

    Returns:
        stem -> (2, samples) float32. Each stem, and their sum, stays within 0.97.

    Raises:
        InputError: a number is out of range, or a program is missing.
        MissingPackage: a package is not installed.
    """
    check_song(seconds, seed, sample_rate, sound)
    samples = round(seconds * sample_rate)
    rngs: dict[str, np.random.Generator] = dict(
        zip(("score", "mix", *STEMS), np.random.default_rng(seed).spawn(6), strict=True)
    )
    layers = int(rngs["score"].integers(2, 4))
    score = compose(rngs["score"], seconds, layers)
    perform = _synthesize if sound == "synthesized" else partial(_sample, require_sampler(soundfont))
    return _mix(rngs["mix"], perform(rngs, score, layers, samples, sample_rate), sample_rate)


def _synthesize(
    rngs: dict[str, np.random.Generator], score: Score, layers: int, samples: int, sample_rate: int
) -> dict[str, np.ndarray]:
    """Computes the sound of each stem, (2, samples)."""

    def layer(rng: np.random.Generator, style: str, name: str) -> np.ndarray:
        timbre = draw_timbre(rng, str(rng.choice(STYLES[style])))
        return play(rng, timbre, accompaniment(rng, score, name, style), samples, sample_rate)

    bass = rngs["bass"]
    return {
        "vocals": _vocals(rngs["vocals"], score, sing, samples, sample_rate),
        "drums": play_drums(rngs["drums"], score, samples, sample_rate),
        "bass": play(bass, draw_timbre(bass, "bass"), bass_line(bass, score), samples, sample_rate),
        "other": _other(rngs["other"], layer, layers, samples, sample_rate),
    }


def _sample(
    bank: Path, rngs: dict[str, np.random.Generator], score: Score, layers: int, samples: int, sample_rate: int
) -> dict[str, np.ndarray]:
    """Plays each stem, (2, samples), on the instruments of a soundfont; words are sung."""

    def layer(rng: np.random.Generator, style: str, name: str) -> np.ndarray:
        return sampler.play_notes(rng, bank, style, accompaniment(rng, score, name, style), samples, sample_rate)

    bass = rngs["bass"]
    return {
        "vocals": _vocals(rngs["vocals"], score, sung.sing_words, samples, sample_rate),
        "drums": sampler.play_hits(rngs["drums"], bank, drum_part(rngs["drums"], score), samples, sample_rate),
        "bass": sampler.play_notes(bass, bank, "bass", bass_line(bass, score), samples, sample_rate),
        "other": _other(rngs["other"], layer, layers, samples, sample_rate),
    }


def require_sampler(soundfont: str | os.PathLike | None = None) -> Path:
    """Finds the soundfont for sampled songs, and checks that all programs and packages for them are installed.

    Raises:
        InputError: programs, packages or the soundfont are missing, with a line for each of several.
        MissingPackage: nothing but a package is not installed.
    """
    problems: list[InputError | MissingPackage] = []
    found: list[Path] = []
    for check in (
        sung.check_package,
        sung.check_program,
        sampler.check_package,
        sampler.check_program,
        lambda: found.append(sampler.find_soundfont(soundfont)),
    ):
        try:
            check()
        except (InputError, MissingPackage) as error:
            problems.append(error)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise InputError("\n  ".join(["several things are missing:", *map(str, problems)]))
    return found[0]


def check_song(seconds: float, seed: int | Sequence[int], sample_rate: int, sound: str) -> None:
    """Raises an InputError if `make_song` does not accept a number or a sound."""
    if sound not in SOUNDS:
        raise InputError(f"unknown sound {sound!r}; {closest(sound, SOUNDS)}")
    if not 2 <= seconds < float("inf"):
        raise InputError(f"seconds is {seconds}, expected at least 2")
    if sample_rate < 8000:
        raise InputError(f"sample_rate is {sample_rate} Hz, expected at least 8000")
    if sound == "sampled" and sample_rate > HIGHEST_SAMPLED_RATE:
        raise InputError(f"sample_rate is {sample_rate} Hz, expected at most {HIGHEST_SAMPLED_RATE} for sampled songs")
    if np.min(seed) < 0:
        raise InputError(f"seed is {seed}, expected no number below 0")


def _vocals(
    rng: np.random.Generator, score: Score, voice: Callable[..., np.ndarray], samples: int, sample_rate: int
) -> np.ndarray:
    """A lead voice in the middle; in some songs a second voice joins the choruses. (2, samples)."""
    singer = draw_singer(rng)
    notes = melody(rng, score, singer.centre)
    lead = voice(rng, singer, notes, samples, sample_rate)
    stem = np.stack([lead, lead])
    if rng.random() < 0.4:
        choruses = [section.bars for section in score.sections if section.kind == "chorus"]
        spans = [(score.time(bars[0], 0), score.time(bars[-1] + 1, 0)) for bars in choruses]
        second = [_third_above(note, score) for note in notes if any(a <= note.start < b for a, b in spans)]
        side = rng.uniform(0.2, 0.8)
        choir = 0.6 * voice(rng, singer, second, samples, sample_rate)
        stem += np.array([[np.sqrt(side)], [np.sqrt(1 - side)]], np.float32) * choir
    return stem


def _third_above(note: Note, score: Score) -> Note:
    """The same note two degrees of the scale higher, a little late."""
    octave, semitones = divmod(note.pitch - score.tonic, 12)
    degree = 7 * int(octave) + score.scale.index(int(semitones)) + 2
    return note._replace(pitch=score.pitch(degree, 0), start=note.start + 0.02)


def _other(
    rng: np.random.Generator,
    perform: Callable[[np.random.Generator, str, str], np.ndarray],
    layers: int,
    samples: int,
    sample_rate: int,
) -> np.ndarray:
    """Several instruments, each with a style, a place in the stereo image and a level. (2, samples)."""
    stem = np.zeros((2, samples), np.float32)
    styles = rng.choice(
        ["pad", "chords", "strum", "arpeggio", "solo"], layers, replace=False, p=(0.25, 0.25, 0.2, 0.2, 0.1)
    )
    for layer, style in enumerate(styles):
        part = perform(rng, style, f"other{layer}")
        angle = (rng.uniform(-0.6, 0.6) + 1) * np.pi / 4
        level = rng.uniform(0.5, 1.0) / (_active_rms(part, sample_rate) + 1e-6)
        stem += np.array([[np.cos(angle)], [np.sin(angle)]], np.float32) * np.float32(level) * part
    return stem


def _mix(rng: np.random.Generator, stems: dict[str, np.ndarray], sample_rate: int) -> dict[str, np.ndarray]:
    """Puts the stems into one room and brings them to the levels of a mix."""
    response = room(rng, rng.uniform(0.5, 1.8), sample_rate)
    wetness = {"vocals": rng.uniform(0.1, 0.3), "drums": rng.uniform(0.02, 0.12), "other": rng.uniform(0.05, 0.3)}
    for name, stem in stems.items():
        if name in wetness:
            stem += np.float32(wetness[name]) * reverberate(stem.mean(axis=0), response)
        stem *= np.float32(10 ** (rng.uniform(*LEVELS[name]) / 20) / (_active_rms(stem, sample_rate) + 1e-9))
    mixture = reduce(np.add, stems.values())
    loud = np.float32(10 ** (rng.uniform(*LOUDNESS) / 20) / np.sqrt(np.mean(mixture**2)))
    # One gain for all stems, as on the bus of a mixing desk: the limited stems still add up to the limited mixture.
    gain = loud * limiter([mixture, *stems.values()], float(PEAK / loud), sample_rate)
    return {name: stem * gain for name, stem in stems.items()}


def _active_rms(signal: np.ndarray, sample_rate: int) -> float:
    """The RMS of (channels, samples) over the tenths of a second within 30 dB of the loudest one."""
    block = sample_rate // 10
    whole = signal[:, : signal.shape[1] // block * block]
    power = np.mean(np.square(whole).reshape(signal.shape[0], -1, block), axis=(0, 2))
    return float(np.sqrt(power[power >= 1e-3 * power.max()].mean()))
