"""Damaged audio files of all containers."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import soundfile

from auralflow import read_audio
from auralflow.cli.main import main
from auralflow_core.console.exit_status import exit_status
from robustness.files import void
from robustness.mutations import mutate_bytes
from robustness.outcomes import Outcome, run
from robustness.runs import CONFIG

RATE, SAMPLES = 8000, 8000
HEADER = 200  # bytes at the beginning of a file, where its sizes and types stand
# The suffix of a file, and libsndfile's names of its container and of its samples.
WRITTEN = {
    "pcm.wav": ("WAV", "PCM_16"),
    "float.wav": ("WAV", "FLOAT"),
    "extensible.wav": ("WAVEX", "PCM_24"),
    "rf64.wav": ("RF64", "PCM_16"),
    "sound.w64": ("W64", "PCM_16"),
    "sound.aiff": ("AIFF", "PCM_16"),
    "sound.au": ("AU", "PCM_16"),
    "sound.caf": ("CAF", "PCM_24"),
    "sound.flac": ("FLAC", "PCM_16"),
    "vorbis.ogg": ("OGG", "VORBIS"),
    "opus.ogg": ("OGG", "OPUS"),
    "sound.mp3": ("MP3", "MPEG_LAYER_III"),
}
CONVERTED = ("aac.m4a", "opus.webm", "sound.wma", "sound.aac", "sound.wv", "sound.mka")  # where ffmpeg is installed


def make_sounds(originals: Path) -> None:
    """A second of audio in every container, and a model with fresh weights."""
    from auralflow_jax.models.registry import create_model

    create_model(CONFIG).save(originals / "model")
    rng = np.random.default_rng(0)
    tone = np.sin(2 * np.pi * 440 * np.arange(SAMPLES) / RATE)
    audio = 0.3 * tone[:, None] + 0.1 * rng.standard_normal((SAMPLES, 2))
    (originals / "sounds").mkdir()
    for name, (container, subtype) in WRITTEN.items():
        soundfile.write(originals / "sounds" / name, audio, RATE, format=container, subtype=subtype)
    soundfile.write(originals / "whole.wav", audio, RATE)
    for name in CONVERTED if shutil.which("ffmpeg") else ():
        command = ["ffmpeg", "-v", "error", "-nostdin", "-i", originals / "whole.wav", originals / "sounds" / name]
        subprocess.run(command, check=True)


def mutate_sound(originals: Path, folder: Path, rng: np.random.Generator) -> list[Outcome]:
    """A damaged file is read, and separated or evaluated, beside one that is whole."""
    sounds = sorted((originals / "sounds").iterdir())
    original = sounds[rng.integers(len(sounds))]
    content = original.read_bytes()
    damaged = mutate_bytes(content, rng)
    if rng.random() < 0.4:
        damaged = mutate_bytes(content[:HEADER], rng) + content[HEADER:]
    track = folder / "songs" / "test" / "damaged"
    track.mkdir(parents=True)
    file = track / f"mixture{original.suffix}"
    file.write_bytes(damaged)
    shutil.copy(originals / "whole.wav", track / "vocals.wav")
    label = f"{original.name}, %s"
    outcomes = [run(label % "read", lambda: exit_status("auralflow", lambda: void(read_audio(file))), folder)]
    outcomes.append((_evaluate if rng.random() < 0.3 else _separate)(originals, folder, file, label))
    if file.read_bytes() != damaged:
        outcomes[-1].faults.append("the file has changed")
    return outcomes


def _separate(originals: Path, folder: Path, file: Path, label: str) -> Outcome:
    """Separates the damaged file and a whole one; the whole one's stem is there in any case."""
    whole, save = originals / "whole.wav", folder / "separated"
    command = ["separate", str(originals / "model"), str(file), str(whole), "--save", str(save)]
    outcome = run(label % "separate", lambda: main([*command, "--filename", "{track}.{ext}"]), folder)
    if outcome.status is not None and not _has_samples(save / "whole.wav"):
        outcome.faults.append("the whole file is not separated")
    if (outcome.status == 0) != _has_samples(save / "mixture.wav"):
        outcome.faults.append("the exit status and the stem disagree")
    return outcome


def _has_samples(path: Path) -> bool:
    return path.exists() and soundfile.info(path).frames > 0


def _evaluate(originals: Path, folder: Path, file: Path, label: str) -> Outcome:
    """Evaluates the damaged track and a whole one, which has scores unless the dataset is refused as a whole."""
    whole, save = file.parents[1] / "whole", folder / "evaluated"
    whole.mkdir()
    for stem in ("mixture", "vocals"):
        shutil.copy(originals / "whole.wav", whole / f"{stem}.wav")
    command = ["evaluate", str(originals / "model"), str(folder / "songs"), "--save", str(save), "--no_report"]
    outcome = run(label % "evaluate", lambda: main([*command, "--metrics", "sdr"]), folder)
    scores = next(save.glob("*.csv"), None)
    if outcome.status in (0, 1) and (scores is None or "whole" not in scores.read_text()):
        outcome.faults.append("the whole track is not evaluated")
    return outcome
