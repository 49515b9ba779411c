"""Commands that a signal ends at a random time, and that are then run again."""

import atexit
import shutil
import signal
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from msgspec.structs import replace

from auralflow.cli.main import main
from auralflow.songs import make_songs
from auralflow_core.config.templates import read_template
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_core.weights.file import read_tensors
from robustness.nursery import Ended, Nursery
from robustness.outcomes import Outcome, is_sentence, leftovers
from robustness.runs import CONFIG

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
STUBBORN = 20  # seconds in which a process ends after a signal
# How a command refuses what the killed one had completed; whether it had is compared as well.
DONE = ("exists already", "has a checkpoint already", "is not empty")
PLACES = ("tmp", "cache")  # folders of the process itself


class Killed(NamedTuple):
    """A command that is killed.

    Attributes:
        arguments: of the command.
        inputs: what is in its working directory -> which of the files and folders of `make_victims` it is.
        results: patterns of the files that it makes, the same bit for bit whenever it is run to its end.
        is_replaced: files of these names come and go until the command has ended, as training finds better weights.
    """

    arguments: str
    inputs: dict[str, str]
    results: tuple[str, ...]
    is_replaced: bool = False


SONGS = {f"{name}.wav": f"{name}.wav" for name in ("one", "two", "three")}
MODEL, DATA = {"model": "trained"}, {"songs": "songs"}
SEPARATE = "separate model one.wav two.wav three.wav --save out --residual"
STEMS = ("out/**/*.wav",)
FOLDER = ("out/config.json", "out/checkpoint/best.safetensors")
CHECKPOINT = {f"model.{suffix}": f"roformer.{suffix}" for suffix in ("ckpt", "yaml")}
COMMANDS = {
    "separate": Killed(SEPARATE, MODEL | SONGS, STEMS),
    "separate --overwrite": Killed(f"{SEPARATE} --overwrite", MODEL | SONGS | {"out": "older"}, STEMS),
    "evaluate": Killed("evaluate model songs --metrics sdr --save out", MODEL | DATA, ("out/evaluation.csv",)),
    "train": Killed("train model songs", {"model": "fresh"} | DATA, ("model/checkpoint/best.safetensors",), True),
    "convert to-torch": Killed("convert to-torch model -o out.safetensors", MODEL, ("out.safetensors",)),
    "convert to-jax": Killed("convert to-jax in.safetensors out", {"in.safetensors": "state.safetensors"}, FOLDER),
    "convert to-msst": Killed("convert to-msst model -o out.ckpt", {"model": "roformer"}, ("out.ckpt", "out.yaml")),
    "pretrained get": Killed("pretrained get auralflow-4stems --save out", {}, (*FOLDER, "out/README.md")),
    "pretrained get --file": Killed(
        "pretrained get --file model.ckpt --settings model.yaml --save out", CHECKPOINT, (*FOLDER, "out/README.md")
    ),
    "config, new": Killed("config out SpectrogramNetSimple --preset tiny", {}, ("out/config.json",)),
    "config, edited": Killed("config model --batch_size 3", {"model": "fresh"}, ("model/config.json",)),
    "songs": Killed("songs out --tracks 3 --seconds 2", {}, STEMS),
    "inspect": Killed("inspect songs --save out", DATA, ("out/exclude.json", "out/inspection.html")),
}


class Whole(NamedTuple):
    """An uninterrupted run: its end, and the content of its results by their paths."""

    ended: Ended
    results: dict[str, object]


class Scene:
    """The process that all others come from, and what uninterrupted runs give.

    Args:
        originals: the folder of `make_victims`.
    """

    def __init__(self, originals: Path):
        self.originals = originals
        self.nursery = Nursery(originals / "compiled")
        self._whole: dict[str, Whole] = {}

    def set(self, command: Killed, folder: Path) -> None:
        """Copies what a command needs into its working directory."""
        for name, source in command.inputs.items():
            path = self.originals / source
            (shutil.copytree if path.is_dir() else shutil.copy)(path, folder / name)

    def whole(self, label: str) -> Whole:
        """The uninterrupted run of a command."""
        if label not in self._whole:
            runs = [self._run(label, place) for place in range(2)]  # the first one compiles
            if runs[0].results != runs[1].results or not runs[0].results:
                raise RuntimeError(f"{label}: two runs give different results, or none: {runs[1].ended}")
            self._whole[label] = runs[1]
        return self._whole[label]

    def _run(self, label: str, place: int) -> Whole:
        command, folder = COMMANDS[label], self.originals / "whole" / f"{label}-{place}"
        folder.mkdir(parents=True)
        self.set(command, folder)
        ended = self.nursery.run(command.arguments.split(), folder)
        return Whole(ended, found(folder, command.results))


_scenes: dict[Path, Scene] = {}


def make_victims(originals: Path) -> None:
    """A fresh and a trained model, songs, older stems, a training state and another project's checkpoint."""
    from auralflow_jax.models.registry import create_model

    make_songs(originals / "songs", tracks=3, seconds=2, sample_rate=8000)
    ModelFolder(originals / "fresh").save_config(CONFIG)
    trained = str(shutil.copytree(originals / "fresh", originals / "trained"))
    roformer = read_template("BSRoformer", "tiny")
    small = replace(roformer.model, num_fft=64, window_size=64, hop_length=16, bands=(2, 2, 4, 8, 17), num_blocks=1)
    create_model(replace(roformer, model=small)).save(originals / "roformer")
    for command in (
        ["train", trained, str(originals / "songs")],
        ["convert", "to-torch", trained, "--training", "-o", str(originals / "state.safetensors")],
        ["convert", "to-msst", str(originals / "roformer"), "-o", str(originals / "roformer.ckpt")],
    ):
        if main(command):
            raise RuntimeError(f"{' '.join(command)} failed")
    rng = np.random.default_rng(0)
    for name in ("one", "two", "three"):
        soundfile.write(originals / f"{name}.wav", rng.uniform(-0.5, 0.5, (8000, 2)), 8000)
        for stem in ("vocals", "residual"):
            path = originals / "older" / "model" / name / f"{stem}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, rng.uniform(-0.5, 0.5, 100), 8000)
    _scenes[originals] = Scene(originals)
    atexit.register(_scenes[originals].nursery.close)


def kill(originals: Path, folder: Path, rng: np.random.Generator) -> list[Outcome]:
    """A command is ended by a signal in the time that it takes, and then run again."""
    scene, label = _scenes[originals], str(rng.choice(list(COMMANDS)))
    command, whole, number = COMMANDS[label], scene.whole(label), SIGNALS[rng.integers(len(SIGNALS))]
    scene.set(command, folder)
    before, arguments = found(folder, ("**/*",)), command.arguments.split()
    after = float(rng.uniform(0, 1.05)) * whole.ended.seconds
    ended = scene.nursery.run(arguments, folder, number, after)
    killed = Outcome(f"{label}, {number.name} after {after:.2f} s", None, ended.message)
    killed.faults += end_faults(ended, number, after, whole.ended)
    killed.faults += changes(folder, before, {} if command.is_replaced else whole.results)
    ended = scene.nursery.run(arguments, folder)
    again = Outcome(f"{label}, again", ended.status, ended.message)
    if ended.status != whole.ended.status and not any(words in ended.message for words in DONE):
        again.faults.append(f"exit status {ended.status}: {ended.message[-300:]!r}")
    again.faults += changes(folder, before, whole.results)
    missing = whole.results.keys() - found(folder, command.results).keys()
    again.faults += [f"missing: {path}" for path in sorted(missing)]
    again.faults += [f"left behind: {path.relative_to(folder)}" for path in remains(folder)]
    return [killed, again]


def end_faults(ended: Ended, number: signal.Signals, after: float, whole: Ended) -> list[str]:
    """Says how the end of a process that got a signal is wrong."""
    faults = []
    if ended.status not in (whole.status, -number, *[130] * (number != signal.SIGKILL)):
        faults.append(f"exit status {ended.status}: {ended.message[-300:]!r}")
    if ended.seconds - after > STUBBORN:
        faults.append(f"hangs: {ended.seconds - after:.0f} s after the signal")
    sentence = ended.message.strip()
    if ended.status == 130 and not (sentence.startswith("auralflow: ") and is_sentence(f"{sentence}: error: ")):
        faults.append(f"not one sentence: {sentence[:300]!r}")
    return faults


def changes(folder: Path, before: dict[str, object], results: dict[str, object]) -> list[str]:
    """Files that are lost, and those whose content is neither the earlier one nor that of an uninterrupted run."""
    now = found(folder, ("**/*",))
    lost = [f"lost: {path}" for path in sorted(before.keys() - results.keys() - now.keys())]
    known = {path: (before.get(path), results.get(path)) for path in before.keys() | results.keys()}
    return lost + [f"changed: {path}" for path in sorted(known.keys() & now.keys()) if now[path] not in known[path]]


def found(folder: Path, patterns: tuple[str, ...]) -> dict[str, object]:
    """The content of the files of some patterns, without hidden ones, by their paths; of weights the tensors'."""
    result = {}
    for path in {path for pattern in patterns for path in folder.glob(pattern)}:
        parts = path.relative_to(folder).parts
        if path.is_file() and parts[0] not in PLACES and not any(part.startswith(".") for part in parts):
            result["/".join(parts)] = content(path)
    return result


def content(path: Path) -> object:
    """The bytes of a file, or of its samples or tensors: what else such files say has the time in it."""
    try:
        if path.suffix == ".wav":
            return soundfile.read(path, dtype="float32")[0].tobytes()
        if path.suffix == ".safetensors":
            return {name: array.tobytes() for name, array in read_tensors(path).tensors.items()}
    except (InputError, soundfile.LibsndfileError) as error:
        return str(error)
    return path.read_bytes()


def remains(folder: Path) -> list[Path]:
    """The files that no process should leave behind, in its folders too."""
    return [*leftovers(folder), *(path for path in (folder / "tmp").iterdir() if path.name != "stderr")]
