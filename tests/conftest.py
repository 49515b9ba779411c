"""The environment that jax reads when it is imported, and the fixtures that tests of several packages share."""

import atexit
import io
import os
import shutil
import signal
import tempfile
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from auralflow.songs import make_songs
from auralflow_core.config import Config, DatasetConfig, SpectrogramNetSimple, TrainingConfig, VisualizerConfig
from auralflow_core.model_folder import ModelFolder
from auralflow_core.separation.separator import Separator

# Read by jax when it is imported, here and in the processes that tests start.
# Unoptimised machine code for XLA's own loops: small programs that run once compile in a quarter of the time.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
# What is compiled once is compiled for the whole session.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="auralflow-tests-")
    atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.1"
# A shell that starts the tests in the background makes them, and all that they start, deaf to Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """Compiled programs go to a folder of the tests, not to the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def tiny_config():
    """Two steps of a network of a few hundred parameters."""
    return Config(
        model=SpectrogramNetSimple(
            sample_rate=8000, num_fft=128, window_size=128, hop_length=64, num_bins=64, hidden_channels=1, depth=1
        ),
        dataset=DatasetConfig(sample_length=0.5, samples_per_epoch=2),
        training=TrainingConfig(max_epochs=2, batch_size=1),
        visualizer=VisualizerConfig(num_snippets=0, tensorboard=False),
    )


@pytest.fixture(scope="session")
def trained(tmp_path_factory, tiny_config):
    """A folder with songs, a model that was trained on them, and its history."""
    from auralflow_jax.train.run import train

    folder = tmp_path_factory.mktemp("trained")
    make_songs(folder / "songs", tracks=3, seconds=2, sample_rate=8000)
    model = ModelFolder(folder / "model")
    model.save_config(tiny_config)
    history = train(model.path, folder / "songs", console=Console(file=io.StringIO()))
    return SimpleNamespace(path=folder, songs=folder / "songs", model=model, history=history)


class Copies(Separator):
    """In place of a model: copies of the mixture, each times a factor."""

    def __init__(self, factors, rate):
        self.factors = factors
        self.config = Config(
            model=SpectrogramNetSimple(
                sample_rate=rate, targets=tuple(factors), num_fft=16, window_size=16, hop_length=8, num_bins=8
            ),
            dataset=DatasetConfig(sample_length=256 / rate),
        )

    def estimate(self, mixture):
        return np.stack([mixture * np.float32(factor) for factor in self.factors.values()], axis=1)

    def refine(self, mixture, estimates, iterations, residual):
        return estimates


@pytest.fixture(scope="session")
def copies():
    """Makes separators of a loud and a soft copy that do not add up to the mixture, or of other factors."""

    def make(rate=8000, factors=None):
        return Copies(factors or {"bass": 0.7531, "vocals": -1 / 3}, rate)

    return make
