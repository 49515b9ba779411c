import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import soundfile
from msgspec.structs import replace

from auralflow_core.data.tracks import find_tracks
from auralflow_core.evaluation.metrics import si_sdr
from auralflow_jax.data.crops import ValidationSegments
from auralflow_jax.losses import make_loss
from auralflow_jax.models.registry import build
from auralflow_jax.train.sharding import make_mesh
from auralflow_jax.train.validation import make_eval_step, validate

RATE, CROP = 8000, 6000
LENGTHS = {"a": 15000, "b": 6000, "c": 7001}  # 2.5 segments, one, and one and a sixth


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Three tracks; drums sound in none, vocals in two, and in track b nothing but vocals."""
    folder, rng = tmp_path_factory.mktemp("validation"), np.random.default_rng(0)
    for name, samples in LENGTHS.items():
        stems = {stem: np.zeros(samples) for stem in ("vocals", "bass", "drums")}
        if name != "c":
            stems["vocals"] = 0.1 * rng.standard_normal(samples)
        if name != "b":
            stems["bass"] = 0.2 * rng.standard_normal(samples)
        (folder / "valid" / name).mkdir(parents=True)
        for stem, audio in stems.items():
            soundfile.write(folder / "valid" / name / f"{stem}.wav", audio, RATE, subtype="FLOAT")
    return folder


@pytest.fixture(scope="module")
def config(tiny_config):
    return replace(tiny_config, model=replace(tiny_config.model, targets=("bass", "drums", "vocals"), dropout_p=0.0))


def scores(config, dataset, head_bias=None):
    model, mesh = build(config), make_mesh()
    variables = jax.jit(model.init, static_argnums=1)(jax.random.key(0), CROP)
    if head_bias is not None:
        head = variables["params"]["head"]
        head["kernel"], head["bias"] = jnp.zeros_like(head["kernel"]), jnp.full_like(head["bias"], head_bias)
    eval_step = make_eval_step(model, make_loss(config.training, model.represent), mesh)
    result = validate(eval_step, variables, ValidationSegments(find_tracks(dataset, "valid"), config), mesh)
    assert eval_step._cache_size() <= 2  # the sums are laid out anew after the first batch
    return result, model, variables


def test_si_sdr_is_that_of_the_whole_excerpt(config, dataset):
    result, model, variables = scores(config, dataset)
    apply = jax.jit(lambda blocks: model.apply(variables, blocks).audio)
    expected, mixtures = {"bass": [], "vocals": []}, {"bass": [], "vocals": []}
    for name, samples in LENGTHS.items():
        stems = {stem: soundfile.read(dataset / "valid" / name / f"{stem}.wav")[0] for stem in ("bass", "vocals")}
        mixture = sum(stems.values())
        segments = np.pad(mixture, (0, -samples % CROP)).reshape(-1, 1, CROP).astype(np.float32)
        estimates = np.concatenate(list(np.asarray(apply(segments))), axis=-1)[:, 0, :samples]
        for target, estimate in zip(("bass", "drums", "vocals"), estimates, strict=True):
            if target in stems and stems[target].any():
                expected[target].append(si_sdr(estimate[None], stems[target][None]))
                mixtures[target].append(si_sdr(mixture[None], stems[target][None]))
    assert result["si_sdr"].keys() == result["si_sdr_improvement"].keys() == {"bass", "vocals"}
    for target in expected:
        assert result["si_sdr"][target] == pytest.approx(np.mean(expected[target]), abs=1e-3)
    # In track c there is nothing but bass, in track b nothing but vocals: nobody can improve on that.
    for target in expected:
        gain = expected[target][0] - mixtures[target][0]
        assert result["si_sdr_improvement"][target] == pytest.approx(gain, abs=1e-3)


def test_a_silent_estimate_scores_minus_infinity(config, dataset):
    relu = replace(config, model=replace(config.model, mask_activation="relu"))
    result, _, _ = scores(relu, dataset, head_bias=-1.0)
    assert result["si_sdr"] == {"bass": -np.inf, "vocals": -np.inf}
    assert result["si_sdr_improvement"] == {"bass": -np.inf, "vocals": -np.inf}
    assert np.isfinite(result["valid_loss"])


TWO_DEVICES = """
import jax, numpy as np
from jax.sharding import AxisType
from auralflow_core import config as configuration
from auralflow_core.config.templates import read_template
from auralflow_jax.losses import make_loss
from auralflow_jax.models.registry import build
from auralflow_jax.train.sharding import make_mesh, replicated, shard_batch
from auralflow_jax.train.validation import empty_sums, make_eval_step

rng = np.random.default_rng(0)
batch = {
    "mixture": rng.standard_normal((4, 1, 6000)), "targets": rng.standard_normal((4, 1, 1, 6000)),
    "track": np.array([0, 0, 1, 1]), "weight": np.array([1, 0.5, 1, 0]),
}
batch = {name: x.astype(np.int32 if name == "track" else np.float32) for name, x in batch.items()}
one = jax.make_mesh((1,), ("data",), axis_types=(AxisType.Auto,), devices=jax.devices()[:1])
two = make_mesh()
assert two.size == 2
for name, criterion in (("SpectrogramNetSimple", "component"), ("SpectrogramNetLSTM", "multi_resolution_stft")):
    tiny = read_template(name, "tiny")
    config = configuration.override(tiny, {"criterion": criterion, "num_channels": "1", "targets": "vocals"})
    model, results = build(config), []
    for mesh in (one, two):
        variables = jax.device_put(jax.jit(model.init, static_argnums=1)(jax.random.key(0), 6000), replicated(mesh))
        sums = jax.device_put(empty_sums(2, 1), replicated(mesh))
        step = make_eval_step(model, make_loss(config.training, model.represent), mesh)
        placed = shard_batch(batch, mesh)
        assert "all-gather" not in step.lower(variables, placed, sums).compile().as_text(), name
        results.append(step(variables, placed, sums))
    for key in results[0]:
        np.testing.assert_allclose(results[0][key], results[1][key], rtol=1e-4, err_msg=f"{name} {key}")
"""


def test_devices_that_share_a_batch_add_to_the_same_sums_and_nothing_is_gathered():
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=2"
    done = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES], env=os.environ | {"XLA_FLAGS": flags}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
