import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import auralflow
from auralflow.backends import load_metric, load_separator
from auralflow_core.errors import InputError, MissingPackage
from auralflow_core.separation.separator import separate

# Runs the command in a process in which one package cannot be imported.
BLOCKED = """
import sys
sys.modules[sys.argv.pop(1)] = None
from auralflow.cli.main import main
sys.exit(main())
"""


@pytest.fixture
def run_without(tmp_path):
    """`run_without(package, *argv)`: the command's finished process, in a new folder."""

    def run(package, *argv):
        environment = {
            "PYTHONPATH": str(Path(auralflow.__path__[0]).parent),
            "XDG_CACHE_HOME": str(tmp_path),
            "PATH": "",
            "OMP_NUM_THREADS": "1",
        }
        return subprocess.run(
            [sys.executable, "-c", BLOCKED, package, *map(str, argv)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )

    return run


def test_both_backends_separate_alike(trained):
    audio = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 9000)).astype(np.float32)
    ours, theirs = (separate(load_separator(trained.model.path, backend), audio, 8000) for backend in ("jax", "torch"))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


def test_unknown_and_missing_backends_are_named(trained, monkeypatch):
    with pytest.raises(InputError, match="unknown backend 'tourch'; did you mean 'torch'"):
        load_separator(trained.model.path, "tourch")
    monkeypatch.delitem(sys.modules, "auralflow_torch.loading", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingPackage, match=r"pip install 'auralflow\[torch\]'"):
        load_separator(trained.model.path, "torch")


def test_metrics_that_cannot_be_measured_are_refused_as_a_message(monkeypatch):
    with pytest.raises(InputError, match="unknown metrics 'bss'; did you mean 'bss_eval'"):
        load_metric("bss")
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(MissingPackage, match="museval need .* ffmpeg and ffprobe on the PATH"):
        load_metric("museval")


def test_torch_alone_separates_and_evaluates(trained, run_without, tmp_path):
    song = next((trained.songs / "test").iterdir())
    done = run_without("jax", "separate", trained.model.path, song, "--backend", "torch")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    mixture = soundfile.info(song / "mixture.wav")
    stem = soundfile.info(tmp_path / "separated/model" / song.name / "vocals.wav")
    assert (stem.frames, stem.channels, stem.samplerate) == (mixture.frames, mixture.channels, mixture.samplerate)
    evaluate = ("jax", "evaluate", trained.model.path, trained.songs, "--backend", "torch")
    done = run_without(*evaluate, "--metrics", "sdr")
    assert done.returncode == 0 and "vocals" in done.stdout, done.stderr
    done = run_without(*evaluate)
    assert done.returncode == 0 and "isr" in done.stdout, done.stderr


def test_without_its_framework_a_backend_says_what_to_install(trained, run_without):
    done = run_without("jax", "evaluate", trained.model.path, trained.songs, "--metrics", "sdr")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("auralflow: error: this needs the package jax") and done.stderr.count("\n") == 1
    song = next(trained.songs.glob("test/*"))
    done = run_without("torch", "separate", trained.model.path, song, "--backend", "torch")
    assert done.returncode == 2 and "auralflow[torch]" in done.stderr


def test_the_documented_names_need_torch():
    code = "import sys; sys.modules['torch'] = None\nimport auralflow\nauralflow.models"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(Path(auralflow.__path__[0]).parent)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "pip install 'auralflow[torch]'" in done.stderr.splitlines()[-1]
