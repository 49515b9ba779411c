"""Songs made by rule and chance, in the MUSDB layout: for the demo, the tests and first experiments.

This is not real music. Every sound is computed, nobody sings, and a model that does well on these songs has shown that
it can learn, not that it is good: only recordings can show that. What they share with real songs is what a separator
must cope with: five files for each track, stereo, a beat, keys and chords, sections in which instruments come and go,
stems that overlap in time and frequency, reverberation, and a voice (formants, vibrato, consonants, phrases) that is
of one kind in all songs while range, timbre, tune and company differ. The words are no words.

Sampled songs are the same music, played on the recorded instruments of a soundfont and sung on words that a speech
synthesiser says: see `sampler` and `sung`.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from auralflow.errors import InputError, closest
from auralflow.songs import sampler, sung
from auralflow.songs.drums import drum_part, play_drums
from auralflow.songs.instruments import STYLES, draw_timbre, play
from auralflow.songs.score import Note, Score, accompaniment, bass_line, compose, melody
from auralflow.songs.synthesis import limiter, reverberate, room
from auralflow.songs.voice import draw_singer, sing

SOUNDS = ("synthesized", "sampled")
STEMS = ("vocals", "drums", "bass", "other")
SPLITS = ("train", "valid", "test", "train", "train", "train", "train")  # of the songs 0, 1, 2, ..., over and over
LEVELS = {"vocals": (0, 0), "drums": (-3, 0), "bass": (-4, -1), "other": (-4, 0)}  # dB: while playing, to the vocals
LOUDNESS = (-14, -10)  # dBFS: RMS of a mixture
HIGHEST_SAMPLED_RATE = 96000  # Hz: the highest rate that FluidSynth plays at
PEAK = 0.97  # of the mixture and of each stem, at most


def make_songs(
    directory: str | os.PathLike,
    tracks: int = 6,
    seconds: float = 20.0,
    seed: int = 0,
    sample_rate: int = 44100,
    progress: Callable[[int, int], None] | None = None,
    sound: str = "synthesized",
    soundfont: str | os.PathLike | None = None,
) -> list[Path]:
    """Writes a data set: `<directory>/<split>/<track>/{mixture,vocals,drums,bass,other}.wav`, 16 bits, stereo.

    A song and its split depend on the seed and the song's number alone, so a larger set holds the smaller one. The
    mixture is the exact sum of the stems. A track's folder appears when it is complete; one of the same name is
    replaced.

    Args:
        directory: where the splits go; other tracks in it stay.
        tracks: number of songs, at least 3: one in each of train, valid and test.
        seconds: length of each song, at least 2.
        seed: of everything.
        sample_rate: Hz, at least 8000; of sampled songs at most 96000.
        progress: called with (songs done, songs in all) after each one.
        sound: see `make_song`.
        soundfont: see `make_song`.

    Returns:
        The folders of the tracks.

    Raises:
        InputError: a number is out of range, the directory cannot be written, or a program is missing.
        MissingPackage: see `make_song`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     [path.parent.name for path in make_songs(folder, tracks=3, seconds=2, sample_rate=8000)]
        ['train', 'valid', 'test']
    """
    if tracks < 3:
        raise InputError(f"tracks is {tracks}, expected at least 3: one each for train, valid and test")
    _check(seconds, seed, sample_rate, sound)
    if sound == "sampled":
        soundfont = require_sampler(soundfont)
    folders = []
    for index in range(tracks):
        folder = Path(directory) / SPLITS[index % len(SPLITS)] / f"song-{seed}-{index:03d}"
        try:
            _write_track(folder, make_song((seed, index), seconds, sample_rate, sound, soundfont), sample_rate)
        except OSError as error:
            raise InputError(f"{folder}: cannot be written: {error.strerror or error}") from None
        folders.append(folder)
        if progress:
            progress(index + 1, tracks)
    return folders


def make_song(seed: int | Sequence[int], seconds: float = 20.0, sample_rate: int = 44100, sound: str = "synthesized",
              soundfont: str | os.PathLike | None = None) -> dict[str, np.ndarray]:
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
        MissingPackage: a package is.
    """
    _check(seconds, seed, sample_rate, sound)
    samples = round(seconds * sample_rate)
    rngs = dict(zip(("score", "mix", *STEMS), np.random.default_rng(seed).spawn(6), strict=True))
    layers = int(rngs["score"].integers(2, 4))
    score = compose(rngs["score"], seconds, layers)
    perform = _synthesize if sound == "synthesized" else partial(_sample, require_sampler(soundfont))
    return _mix(rngs["mix"], perform(rngs, score, layers, samples, sample_rate), sample_rate)


def _synthesize(rngs: dict[str, np.random.Generator], score: Score, layers: int, samples: int,
                sample_rate: int) -> dict[str, np.ndarray]:
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


def _sample(bank: Path, rngs: dict[str, np.random.Generator], score: Score, layers: int, samples: int,
            sample_rate: int) -> dict[str, np.ndarray]:
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
    """The soundfont of sampled songs, where all is there that they need.

    Raises:
        InputError: a program or the soundfont is missing.
        MissingPackage: a package is.
    """
    sung.check_programs()
    return sampler.find_soundfont(None if soundfont is None else Path(soundfont))


def _check(seconds: float, seed: int | Sequence[int], sample_rate: int, sound: str) -> None:
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


def _vocals(rng: np.random.Generator, score: Score, voice: Callable[..., np.ndarray], samples: int,
            sample_rate: int) -> np.ndarray:
    """The lead in the middle; in some songs a second voice joins the choruses. (2, samples)."""
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


def _other(rng: np.random.Generator, perform: Callable[[np.random.Generator, str, str], np.ndarray], layers: int,
           samples: int, sample_rate: int) -> np.ndarray:
    """Several instruments, each with a style, a place in the stereo picture and a level. (2, samples)."""
    stem = np.zeros((2, samples), np.float32)
    styles = rng.choice(["pad", "chords", "strum", "arpeggio", "solo"], layers, replace=False, p=(.25, .25, .2, .2, .1))
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
    mixture = sum(stems.values())
    loud = np.float32(10 ** (rng.uniform(*LOUDNESS) / 20) / np.sqrt(np.mean(mixture**2)))
    # One gain for all stems, as on the bus of a mixing desk: the limited stems still add up to the limited mixture.
    gain = loud * limiter([mixture, *stems.values()], PEAK / loud, sample_rate)
    return {name: stem * gain for name, stem in stems.items()}


def _active_rms(signal: np.ndarray, sample_rate: int) -> float:
    """The RMS of (channels, samples) over the tenths of a second within 30 dB of the loudest one."""
    block = sample_rate // 10
    whole = signal[:, : signal.shape[1] // block * block]
    power = np.mean(np.square(whole).reshape(signal.shape[0], -1, block), axis=(0, 2))
    return float(np.sqrt(power[power >= 1e-3 * power.max()].mean()))


def _write_track(folder: Path, stems: dict[str, np.ndarray], sample_rate: int) -> None:
    """Writes the stems as whole numbers, and the sum of these numbers; the folder is renamed when it is complete."""
    whole = {name: np.rint(stem * 32767).astype(np.int16).T for name, stem in stems.items()}
    whole["mixture"] = sum(samples.astype(np.int32) for samples in whole.values()).astype(np.int16)
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=folder.parent.parent, prefix=f".{folder.name}-"))
    try:
        ready = aside / folder.name  # has the permissions of any new folder, unlike `aside`
        ready.mkdir()
        for name, samples in whole.items():
            soundfile.write(ready / f"{name}.wav", samples, sample_rate, subtype="PCM_16")
        if folder.exists():
            shutil.rmtree(folder)
        ready.rename(folder)
    finally:
        shutil.rmtree(aside)
