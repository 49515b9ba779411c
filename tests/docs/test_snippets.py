"""Runs every command and every piece of Python in the README and the documentation, page by page, word for word.

Blocks of JSON are files of the repository, and those of TOML are run by a page's own test. All others are trees of
folders.

A page's blocks run in order in a new folder. Names such as `my_model` or `song.mp3` that the page does not make itself
are stand-ins: small models and short songs. Commands that make songs or models get smaller settings, so that they take
seconds. `NOT_RUN` lists the commands that are left out, and why.
"""

import contextlib
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
import soundfile
from demucs_files import SMALL as SMALL_HT
from demucs_files import ht_demucs, package_of, write_th
from hub_server import instead_of_the_hub
from listening_files import session
from roformer_files import MEL, make_pair
from small_models import make_model, small_config

from auralflow.cli.main import main
from auralflow.pretrained import PRETRAINED
from auralflow.songs import make_songs
from auralflow_core.config import MODELS
from auralflow_core.model_folder import ModelFolder

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
OTHERS = {"add-a-network.md", "serve.md"}  # pages whose blocks are run by a test of their own
BLOCKS = {
    page.relative_to(ROOT).as_posix(): BLOCK.findall(page.read_text(encoding="utf-8"))
    for page in PAGES
    if page.name not in OTHERS
}
NOT_RUN = {
    "pip install": "it would change the environment in which the tests run",
    "python3 -m venv": "the tests run in an environment",
    ". .venv/bin/activate": "the same",
    "pre-commit install": "it would change the repository",
    "git config": "the same",
    "ruff": "it is run before the tests, as .ci/run does",
    "pyright": "the same",
    "mkdocs": "tests/docs/test_site.py builds the site",
    "python -m pytest": "the tests are running",
    "python benchmarks/robustness": "it takes ten minutes; tests/benchmarks/test_robustness.py runs a part",
    "auralflow studio": "it serves until it is interrupted; tests/auralflow/studio runs it",
    "auralflow export my_model --to tflite": "not part of `all`; tests/auralflow/api/test_export.py exports one",
    "auralflow separate --model my_model.tflite": "the same",
    "auralflow demo": "it takes two minutes; tests/auralflow/test_demo.py runs a short one",
    "auralflow recipe four_stems": "it takes hours; tests/auralflow/test_recipes.py runs a short one",
}
PACKAGE, BAG = "955717e8-8726e21a.th", "htdemucs_ft.yaml"  # files of demucs
LISTENERS = ("listening-ann.json", "listening-ben.json")
SONGS = {"tracks": "3", "seconds": "2"}
SHORT = {"max_epochs": "1", "samples_per_epoch": "1", "batch_size": "1", "num_snippets": "0", "tensorboard": "false"}
SMALL = {
    "sample_length": 0.3,
    "sample_rate": 8000,
    "hidden_channels": 2,
    "compression": 2,
    "num_layers": 2,
    "depth": 1,
    "num_fft": 256,
    "window_size": 256,
    "hop_length": 64,
    "num_bins": 64,
    "recurrent_depth": 1,
    "hidden_size": 4,
    "recurrent_group": 1,
    "audio_channels": 2,
    "audio_depth": 1,
}


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory, trained):
    """The files and folders that pages use without making them; and a cache with small pretrained models."""
    folder = tmp_path_factory.mktemp("stand_ins")
    make_songs(folder / "songs", tracks=3, seconds=2, sample_rate=8000)
    audio, rate = soundfile.read(folder / "songs" / "test" / "song-0-002" / "mixture.wav")
    soundfile.write(folder / "song.mp3", audio, rate)
    make_pair(folder, MEL)
    write_th(folder / PACKAGE, package_of(*ht_demucs(SMALL_HT)))
    (folder / BAG).write_text(f"models: [{PACKAGE.partition('-')[0]}]")
    for name in ("ann", "ben"):
        (folder / f"listening-{name}.json").write_text(json.dumps(session(name, [[100, 20, 10, 70, 60]])))
    downloads = {name: folder / name for name in ("model.ckpt", "model.yaml", PACKAGE, BAG, *LISTENERS)}
    datasets = dict.fromkeys(("my_songs", "musdb18", "path/to/dataset"), folder / "songs")
    models = dict.fromkeys(("my_model", "other_model", "third_model"), trained.model.path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        for model in PRETRAINED.values():
            small = make_model(model.folder, small_config(targets=",".join(model.targets), **SHORT))
            (small.path / "README.md").write_text("A stand-in.")
        ensemble = ROOT / "configs" / "ensembles" / "four-stems-mean.json"
        others = {"their_stems": folder / "songs" / "test", "ensemble.json": ensemble}
        yield {"song.mp3": folder / "song.mp3"} | downloads | datasets | models | others


@pytest.mark.parametrize("page", [page for page, blocks in BLOCKS.items() if blocks])
def test_the_blocks_of_a_page_run(page, stand_ins, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path, "\n".join(text for _, text in BLOCKS[page]), stand_ins)
    with contextlib.ExitStack() as stack:
        if page == "docs/hugging-face.md":
            pytest.importorskip("huggingface_hub.constants")
            hub = stack.enter_context(instead_of_the_hub(tmp_path / "hub", monkeypatch))
            hub.put("user/my_model", files_of(stand_ins["my_model"]), "main")
        run_blocks(page)


def run_blocks(page):
    names = {"__name__": "__main__"}
    for language, text in BLOCKS[page]:
        if language == "python":
            exec(compile(text, f"{page}: {text.splitlines()[0]}", "exec"), names)
        else:
            for command in commands(text):
                run(command)


def test_all_blocks_are_of_a_kind_that_is_tested():
    """A block of another language would be run by nobody; one without a language is the tree of a folder."""
    files = [path.read_text(encoding="utf-8").strip() for path in (ROOT / "configs").rglob("*.json")]
    for page in PAGES:
        for language, text in FENCED.findall(page.read_text(encoding="utf-8")):
            assert language in {"", "bash", "python", "json"} or page.name in OTHERS, f"{page.name}: {text}"
            assert language or text.split()[0].endswith("/"), f"{page.name}: {text}"
            assert language != "json" or text.strip() in files, f"{page.name}: {text}"


def files_of(folder):
    """The files of a repository of the Hugging Face Hub with a model."""
    paths = ModelFolder(folder)
    pairs = ((paths.config_file, paths.config_file), (paths.published, paths.weights))
    return {path.name: file.read_bytes() for path, file in pairs}


def test_nothing_is_left_out_without_need():
    """Each entry of the list still stands for a command of some page."""
    found = [command for blocks in BLOCKS.values() for _, text in blocks for command in commands(text)]
    assert all(any(command.startswith(start) for command in found) for start in NOT_RUN)


def prepare(folder, text, stand_ins):
    """Copies the stand-ins that a page uses and does not make."""
    makes = re.findall(r"auralflow songs (\S+)|auralflow config (\S+) [A-Z]", text)
    for name in {name for name in stand_ins if name in text} - {name for pair in makes for name in pair}:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if stand_ins[name].is_dir() else shutil.copy
        copy(stand_ins[name], target)


def commands(text):
    """The commands of a block."""
    return [
        part.strip() for line in text.replace("\\\n", " ").splitlines() for part in line.split("&&") if part.strip()
    ]


def run(command):
    """Runs a command in this process, or not at all if it is listed."""
    if any(command.startswith(start) for start in NOT_RUN):
        return
    program, *arguments = shlex.split(command, comments=True)
    assert program == "auralflow", f"{command}: neither run nor listed"
    assert main([*arguments, *smaller(arguments)]) == 0, command


def smaller(arguments):
    """Arguments that make songs and training short, and a new model small."""
    if arguments[0] == "songs":
        changes = SONGS
    elif arguments[0] == "config" and arguments[2:] and arguments[2] in MODELS:
        fields = {"sample_length", *MODELS[arguments[2]].__struct_fields__}
        levels = {"depth": 3, "hidden_channels": 8} if arguments[2] == "HDemucs" else {}  # until bins are one
        changes = SHORT | {name: value for name, value in (SMALL | levels).items() if name in fields}
    elif arguments[0] == "config":
        changes = SHORT
    else:
        changes = {}
    return [text for name, value in changes.items() for text in (f"--{name}", str(value))]
