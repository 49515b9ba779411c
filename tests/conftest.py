"""The environment that jax reads when it is imported, and the fixtures that tests of several packages share."""

import atexit
import ctypes
import fnmatch
import gc
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

import numpy as np
import psutil
import pytest
from filelock import FileLock
from rich.console import Console

from auralflow.songs import make_songs
from auralflow_core.config import Config, DatasetConfig, SpectrogramNetSimple, TrainingConfig, VisualizerConfig
from auralflow_core.model_folder import ModelFolder
from auralflow_core.separation.separator import Separator

# Read by jax when it is imported, here and in the processes that tests start.
# Small programs that run once: what costs most about them is compiling, and these flags make it two to four times as
# quick. XLA ends a process that names a flag which its version does not have.
flags = ["--xla_backend_optimization_level=0"]
if tuple(map(int, version("jaxlib").split(".")[:2])) <= (0, 10):
    flags.append("--xla_cpu_use_fusion_emitters=false")
os.environ.setdefault("XLA_FLAGS", " ".join(flags))
# What is compiled once is compiled for the whole session, by whichever of its processes comes first.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="auralflow-tests-")
    atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.1"
# A promotion of types that nobody wrote down is a fault.
os.environ["JAX_NUMPY_DTYPE_PROMOTION"] = "strict"
# Threads that wait for each other cost more than these small networks, and each worker process has a core.
for library in ("OMP", "MKL", "OPENBLAS"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")
# A shell that starts the tests in the background makes them, and all that they start, deaf to Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)


# Modules, as patterns below this folder, that `-m fast` runs but for their slow tests: under a minute in all on two
# cores, and something of every package.
FAST = (
    "test_doctests.py",
    "auralflow/test_utils.py",
    "auralflow/cli/test_config_command.py",
    "auralflow/report/test_boxplots.py",
    "auralflow_core/config/*",
    "auralflow_core/console/*",
    "auralflow_core/dsp/*",
    "auralflow_core/evaluation/test_table.py",
    "auralflow_core/plots/*",
    "auralflow_core/training/*",
    "auralflow_core/weights/*",
    "auralflow_core/test_*.py",
    "auralflow_jax/data/test_augment.py",
    "auralflow_jax/layers/*",
    "auralflow_jax/test_weights.py",
    "auralflow_jax/train/test_optimizer.py",
    "auralflow_torch/losses/*",
    "auralflow_torch/test_transforms.py",
    "bridge/test_conversion.py",
    "parity/test_losses.py",
    "parity/test_masks.py",
)

# Networks that contain others, or cost more than all others together.
LARGE = (
    "HybridNet",
    "SpectrogramNetLSTM",
    "SpectrogramNetVAE",
    "OpenUnmix",
    "BSRoformer",
    "MelBandRoformer",
    "HTDemucs",
    "AudioNetVAE",
)
DEMUCS = ("deep", "mono", "plain")  # cases of one test
# Tests, by how their ids below this folder begin, that cost seconds each and whose faults are rare: `python -m pytest`
# leaves them out, and `python -m pytest -m ""` and .ci/run have them. `--durations=50` finds candidates.
SLOW = (
    "api_documented/test_commands.py::test_from_a_template_to_stems",
    "auralflow/api/test_comparison.py::test_models_are_shown_side_by_side",
    "auralflow/cli/test_evaluate_command.py::test_evaluate_compares_models_on_a_page",
    "auralflow/cli/test_evaluate_command.py::test_evaluate_shows_aggregates_alone_of_many_tracks",
    "auralflow/cli/test_odd_names.py::test_output_that_cannot_show_a_name_escapes_it",
    "auralflow/cli/test_odd_names.py::test_tracks_of_any_name_are_evaluated",
    "auralflow/cli/test_separate_command.py::test_separate_can_be_interrupted[15",
    "auralflow/cli/test_train_command.py::test_songs_and_train",
    "auralflow/pretrained/test_community.py::test_both_packages_load_it",
    "auralflow/pretrained/test_community.py::test_training_goes_on_from_a_checkpoint",
    "auralflow/pretrained/test_download.py::test_a_wheel_comes_through_pip",
    "auralflow/pretrained/test_registry.py::test_training_starts_from_a_pretrained_model",
    "auralflow/pretrained/test_registry.py::test_what_is_said_of_a_pretrained_model_is_so[bs-roformer",
    "auralflow/report/test_player.py",
    "auralflow/songs/test_sampled_songs.py::test_a_dataset_adds_up_and_comes_out_the_same_again",
    "auralflow/test_backends.py::test_torch_alone",
    "auralflow/test_demo.py",
    "auralflow/test_recipes.py::test_a_recipe_makes_songs_trains_and_evaluates",
    "auralflow/test_recipes.py::test_nothing_is_made_where_something_is_wrong",
    "auralflow_core/config/test_any_input.py::test_the_exact_length_comes_back_or_a_clear_error",
    "auralflow_core/evaluation/test_track.py::test_bssevals_medians_are_musevals[False",
    "auralflow_core/weights/test_names.py::test_a_round_trip_of_any_tree_keeps_every_bit",
    "auralflow_jax/models/test_complex_mask.py::test_bfloat16_rounds_products_alone",
    "auralflow_jax/models/test_complex_mask.py::test_blocks_computed_again_have_the_same_gradient",
    "auralflow_jax/models/test_models.py::test_grad_by_a_model_is_a_model",
    "auralflow_jax/models/test_models.py::test_jit_compiles_once",
    "auralflow_jax/models/test_models.py::test_vmap_over_a_stack_of_models",
    "auralflow_jax/test_segment_borders.py",
    "auralflow_jax/train/test_fit.py::test_the_steps_are_those_of_make_train_step",
    "auralflow_jax/train/test_fit.py::test_validation_is_the_mean_over_examples",
    "auralflow_jax/train/test_resume.py::test_a_killed_run_goes_on_to_the_same_bits",
    "auralflow_jax/train/test_resume.py::test_a_run_goes_on_with_other_settings_and_another_dataset",
    "auralflow_jax/train/test_resume.py::test_an_epoch_that_became_shorter",
    "auralflow_jax/train/test_resume.py::test_an_interrupted_run_saves_and_goes_on_to_the_same_bits[15",
    "auralflow_jax/train/test_run.py::test_a_family_without_spectra",
    "auralflow_jax/train/test_run.py::test_a_run_ends_when_nothing_gets_better",
    "auralflow_jax/train/test_run.py::test_restart_moves_everything_aside",
    "auralflow_jax/train/test_sharding.py::test_losses_and_statistics_are_those_of_one_device",
    "auralflow_jax/train/test_sharding.py::test_one_of_two_processes_writes",
    "auralflow_jax/train/test_step.py::test_bfloat16_computes_with_float32_parameters_and_learns",
    "auralflow_jax/train/test_step.py::test_dropout_depends_on_the_seed_and_the_step_alone",
    "auralflow_jax/train/test_step.py::test_the_gradient_of_every_criterion",
    "auralflow_torch/models/test_audio_models.py::test_compiled",
    "auralflow_torch/networks/test_spectrogram_net.py::test_compile",
    "auralflow_torch/networks/test_third_party.py::test_torchs_tools_take_them",
    "auralflow_torch/test_tools.py",
    "auralflow_torch/test_wrong_input.py::test_a_criterion_wants_a_model_inside",
    "auralflow_torch/train/test_run_folder.py::test_a_kill_in_the_middle_of_a_write",
    "auralflow_torch/train/test_trainer.py::test_a_run_that_is_resumed_ends_with_the_same_bits[2 workers",
    "benchmarks/test_robustness.py::test_damaged_files_end_in_one_sentence[weights",
    "benchmarks/test_sizes.py::test_the_documentation_shows_the_table",
    "bridge/importers/test_band_split_roformer.py::test_both_networks_compute_the_formulas[bs-deep",
    "bridge/importers/test_band_split_roformer.py::test_both_networks_compute_the_formulas[bs-norms",
    "bridge/importers/test_band_split_roformer.py::test_both_networks_compute_the_formulas[mel-deep",
    "bridge/importers/test_band_split_roformer.py::test_both_networks_compute_the_formulas[mel-mono",
    *(f"bridge/importers/test_ht_demucs.py::test_both_networks_are_those_of_the_original[{case}" for case in DEMUCS),
    *(f"bridge/test_cli.py::test_every_module_with_weights_is_compared[{name}" for name in LARGE),
    "bridge/test_cli.py::test_rounding_is_told_from_a_small_difference_in_float64",
    "bridge/test_cli.py::test_verify_compares_models_without_masks",
    "bridge/test_cli.py::test_verify_passes_and_one_perturbed_tensor_fails[SpectrogramNetVAE",
    "bridge/test_trained_in_torch.py",
    "docs/test_site.py",
    "docs/test_snippets.py::test_the_blocks_of_a_page_run[README.md",
    "docs/test_snippets.py::test_the_blocks_of_a_page_run[docs/bridge.md",
    "docs/test_snippets.py::test_the_blocks_of_a_page_run[docs/community-models.md",
    "docs/test_snippets.py::test_the_blocks_of_a_page_run[docs/evaluate.md",
    "docs/test_snippets.py::test_the_blocks_of_a_page_run[docs/pretrained.md",
    "docs/test_snippets.py::test_the_blocks_of_a_page_run[docs/train.md",
    "examples/test_notebook.py",
    "parity/test_bss_eval.py::test_512_taps_of_16_bit_audio",
    *(f"parity/test_initial_weights.py::test_tensors_have_the_same_spread[{name}" for name in LARGE),
    *(f"parity/test_layout.py::test_every_combination_with_two_levels[{name}" for name in LARGE),
    "parity/test_networks.py::test_any_perturbed_tensor_is_found",
    "parity/test_networks.py::test_evaluation_and_a_training_step_agree[BSRoformer-1-1t",
    "parity/test_networks.py::test_evaluation_and_a_training_step_agree[BSRoformer-2",
    "parity/test_networks.py::test_evaluation_and_a_training_step_agree[HTDemucs-2",
    "parity/test_networks.py::test_evaluation_and_a_training_step_agree[MelBandRoformer-1",
    "parity/test_networks.py::test_evaluation_and_a_training_step_agree[SpectrogramNetSimple-1-1t-s",
    "parity/test_networks.py::test_evaluation_and_a_training_step_agree[SpectrogramNetSimple-1-3t-softmax",
    "parity/test_networks.py::test_evaluation_and_a_training_step_agree[SpleeterNet-2",
    *(f"parity/test_networks.py::test_evaluation_and_a_training_step_agree[{name}" for name in LARGE[:3]),
    *(f"parity/test_networks.py::test_float64[{name}" for name in LARGE),
    "parity/test_runs.py::test_adamw_in_float64",
    *(f"parity/test_runs.py::test_sgd_in_float32[{name}" for name in LARGE),
    *(f"parity/test_settings.py::test_every_setting_of_a_network_has_an_effect_in_jax[{name}" for name in LARGE),
    "test_earlier_folders.py::test_a_run_of_jax_goes_on",
    "test_earlier_folders.py::test_their_training_state_converts_both_ways",
    "test_third_party_network.py::test_the_page_from_config_to_verify",
)


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
ROOM = 0.3e9  # bytes by which it may have grown since it last did
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
        gc.collect()
        if sys.platform == "linux":
            ctypes.CDLL(None).malloc_trim(0)  # what is free goes back to the system
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
