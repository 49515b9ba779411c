"""The environment that jax reads when it is imported, and the fixtures that tests of several packages share."""

import atexit
import fnmatch
import io
import json
import os
import shutil
import signal
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import chromium
import numpy as np
import psutil
import pytest
from filelock import FileLock
from rich.console import Console
from selection import FAST, SLOW

from auralflow.songs import make_songs
from auralflow_core.config import Config, DatasetConfig, SpectrogramNetSimple, TrainingConfig, VisualizerConfig
from auralflow_core.memory import give_back_memory
from auralflow_core.model_folder import ModelFolder
from auralflow_core.separation.separator import Separator

# Read by jax when it is imported, here and in the processes that tests start.
# Small programs that run once: what costs most about them is compiling, and these flags make it two to four times as
# quick. XLA ends a process that names a flag which its version does not have.
flags = ["--xla_backend_optimization_level=0"]
if tuple(map(int, version("jaxlib").split(".")[:2])) <= (0, 10):
    flags.append("--xla_cpu_use_fusion_emitters=false")
os.environ.setdefault("XLA_FLAGS", " ".join(flags))
# A program that is compiled once is compiled for the whole session, by whichever of its processes comes first.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="auralflow-tests-")
    atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.1"
# A promotion of types or of ranks that nobody wrote down is a fault.
os.environ["JAX_NUMPY_DTYPE_PROMOTION"] = "strict"
os.environ["JAX_NUMPY_RANK_PROMOTION"] = "raise"
# Threads that wait for each other cost more than these small networks, and each worker process has a core.
for library in ("OMP", "MKL", "OPENBLAS"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")
# A shell that starts the tests in the background makes them, and all that they start, deaf to Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)


def is_fast(path):
    name = path.relative_to(Path(__file__).parent).as_posix()
    return any(fnmatch.fnmatch(name, pattern) for pattern in FAST)


def pytest_ignore_collect(collection_path, config):
    # Modules that would lose all their tests are not even imported.
    if config.option.markexpr == "fast" and collection_path.is_file() and not is_fast(collection_path):
        return True
    return None


def pytest_collection_modifyitems(items):
    tests = Path(__file__).parent.as_posix()
    for item in items:
        if f"{item.path.as_posix()}{item.nodeid[item.nodeid.find('::') :]}".removeprefix(f"{tests}/").startswith(SLOW):
            item.add_marker("slow")
        elif is_fast(item.path) and not item.get_closest_marker("slow"):
            item.add_marker("fast")


MEMORY = 1.0e9  # bytes; a process of tests that has more drops the programs that it has compiled
ROOM = 0.2e9  # bytes by which it may have grown since it last did
kept = [0]  # the bytes that it held after it had
peaks = []  # the most memory that each worker process held, in bytes


def resident():
    """The memory that this process holds, in bytes."""
    return psutil.Process().memory_info().rss


@pytest.fixture(autouse=True)
def bounded_memory():
    """Drops what jax and torch have compiled when the process has grown."""
    yield
    if resident() > max(MEMORY, kept[0] + ROOM):
        if "jax" in sys.modules:
            sys.modules["jax"].clear_caches()
        if "torch._dynamo" in sys.modules:
            sys.modules["torch._dynamo"].reset()
        give_back_memory()
        kept[0] = resident()


def peak():
    """The most memory that this process has held, in bytes."""
    try:
        import resource
    except ImportError:  # Windows
        return psutil.Process().memory_info().peak_wset  # pyright: ignore[reportAttributeAccessIssue]
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["peak"] = peak()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    peaks.append(getattr(node, "workeroutput", {}).get("peak", 0))


def pytest_terminal_summary(terminalreporter):
    memory = ", ".join(f"{value / 1e9:.1f} GB" for value in peaks or [peak()])
    terminalreporter.write_line(f"Largest size of the processes that ran tests: {memory}")


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
def make_once(tmp_path_factory):
    """`make_once(name, make)`: a copy of the folder that `make(folder)` fills, once for all worker processes."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def once(name, make):
        folder, done = shared / f"{name}-original", shared / f"{name}.done"
        with FileLock(shared / f"{name}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)  # from an attempt that failed
                folder.mkdir()
                make(folder)
                done.touch()
        return shutil.copytree(folder, tmp_path_factory.mktemp(name) / name)

    return once


@pytest.fixture(scope="session")
def trained(make_once, tiny_config):
    """A folder with songs, a model that was trained on them, and its history."""

    def make(folder):
        from auralflow_jax.train.run import train

        make_songs(folder / "songs", tracks=3, seconds=2, sample_rate=8000)
        model = ModelFolder(folder / "model")
        model.save_config(tiny_config)
        history = train(model.path, folder / "songs", console=Console(file=io.StringIO()))
        (folder / "history.json").write_text(json.dumps(history))

    folder = make_once("trained", make)
    history = json.loads((folder / "history.json").read_text())
    return SimpleNamespace(path=folder, songs=folder / "songs", model=ModelFolder(folder / "model"), history=history)


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


@pytest.fixture(scope="module")
def browser():
    """A tab of a headless Chromium."""
    if chromium.PATH is None:
        pytest.skip("no Chromium is installed")
    with chromium.started() as browser:
        yield browser
