import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import pytest
from msgspec.structs import replace
from rich.console import Console

from auralflow.songs import make_songs
from auralflow_core.config import Config, DatasetConfig, SpectrogramNetSimple, TrainingConfig, VisualizerConfig
from auralflow_core.model_folder import ModelFolder


@pytest.fixture(scope="session")
def songs(make_once) -> Path:
    """Generated songs of two seconds: two to train on, one to validate with, one to test."""
    return make_once("four-songs", lambda folder: make_songs(folder, tracks=4, seconds=2, sample_rate=8000))


@pytest.fixture(scope="session")
def tiny_config() -> Config:
    """Three epochs of three steps, each of which a small machine takes in milliseconds."""
    return Config(
        model=SpectrogramNetSimple(
            sample_rate=8000,
            num_fft=256,
            window_size=256,
            hop_length=96,
            num_bins=100,
            hidden_channels=2,
            depth=1,
            dropout_p=0.1,
        ),
        dataset=DatasetConfig(sample_length=0.75, samples_per_epoch=24),
        training=TrainingConfig(max_epochs=3, batch_size=8, lr=0.01, warmup_steps=2),
        visualizer=VisualizerConfig(snippet_length=1.5, num_snippets=0, tensorboard=False),
    )


@pytest.fixture
def console() -> Console:
    """Keeps what is printed, in `console.file`."""
    return Console(file=io.StringIO(), width=200, soft_wrap=True, highlight=False)


@pytest.fixture(scope="session")
def finished(make_once, songs, tiny_config) -> tuple[ModelFolder, list[dict], str]:
    """A model folder after a whole run of `tiny_config`, its history, and what was printed. Not to be changed.

    It has snippets, which the other runs do without: a picture takes longer than an epoch.
    """

    def make(path):
        from auralflow_jax.train.run import train

        folder = ModelFolder(path / "model")
        visualizer = replace(tiny_config.visualizer, num_snippets=1, tensorboard=True)
        folder.save_config(replace(tiny_config, visualizer=visualizer))
        console = Console(file=io.StringIO(), width=200, soft_wrap=True, highlight=False)
        history = train(folder.path, songs, console=console)
        (path / "report.json").write_text(json.dumps([history, console.file.getvalue()]))  # pyright: ignore[reportAttributeAccessIssue]

    path = make_once("finished", make)
    return ModelFolder(path / "model"), *json.loads((path / "report.json").read_text())


@pytest.fixture(scope="session")
def outcome(songs) -> Callable[[ModelFolder], dict]:
    """Reads what a run has left in a folder and another run must have left bit-exact."""
    from auralflow_jax.train.plan import make_plan
    from auralflow_jax.train.run import open_checkpoints, start_run
    from auralflow_jax.weights import load_weights

    def timeless(entry: dict) -> dict:
        return {key: value for key, value in entry.items() if key not in ("seconds", "samples_per_second")}

    def read(folder: ModelFolder) -> dict:
        plan = make_plan(folder, songs)
        with contextlib.closing(open_checkpoints(plan)) as checkpoints:
            run = start_run(plan, checkpoints)
        weights, _, provenance = load_weights(folder.weights)
        return {
            "state": flat(run.state),
            "best": flat(weights),
            "provenance": timeless(provenance),
            "history": list(map(timeless, run.history)),
            "losses": run.losses,
        }

    return read


def flat(tree) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """Every leaf's type, shape and bits under its path."""
    return {
        jax.tree_util.keystr(path): (str(leaf.dtype), leaf.shape, np.asarray(leaf).tobytes())
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }


@pytest.fixture(scope="session")
def start_training() -> Callable[..., subprocess.Popen]:
    """Starts `training_process.py` with some arguments and additions to the environment."""
    script = Path(__file__).with_name("training_process.py")

    def start(*arguments, **environment) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, script, *map(str, arguments)],
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture(scope="session")
def finish_training() -> Callable[[list[subprocess.Popen]], list[dict]]:
    """Waits for processes to end well, and returns what they report."""

    def finish(processes):
        reports = []
        try:
            for process in processes:
                output, errors = process.communicate(timeout=400)
                assert process.returncode == 0, errors
                reports.append(json.loads(output.splitlines()[-1]))
        finally:
            for process in processes:
                process.kill()
                process.wait()
        return reports

    return finish
