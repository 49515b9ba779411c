import json

import jax
import numpy as np
import pytest
from msgspec.structs import replace
from safetensors import safe_open
from safetensors.numpy import load_file

from auralflow_core.config import from_dict
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_jax.models.registry import build
from auralflow_jax.weights import check_fits, load_best, load_for, load_weights, save_weights

RNG = np.random.default_rng(0)


def make_variables():
    return {
        "params": {
            "a": {"kernel": RNG.standard_normal((3, 2)).astype(np.float32)},
            "b": {"c": {"bias": RNG.standard_normal(4).astype(np.float32).reshape(2, 2).T}},
        },
        "batch_stats": {"a": {"mean": RNG.standard_normal(2).astype(np.float32)}},
    }


def test_a_round_trip_is_exact_and_the_file_is_plain_safetensors(tmp_path, tiny_config):
    path, variables = tmp_path / "w.safetensors", make_variables()
    save_weights(path, variables, tiny_config, {"step": 7, "valid_loss": 0.1})
    loaded, config, provenance = load_weights(path)
    assert config == tiny_config and provenance == {"step": 7, "valid_loss": 0.1}
    stored = load_file(path)
    assert stored.keys() == {"params/a/kernel", "params/b/c/bias", "batch_stats/a/mean"}
    for value, original in (
        (loaded["params"]["a"]["kernel"], variables["params"]["a"]["kernel"]),
        (loaded["params"]["b"]["c"]["bias"], variables["params"]["b"]["c"]["bias"]),
        (loaded["batch_stats"]["a"]["mean"], variables["batch_stats"]["a"]["mean"]),
        (stored["params/b/c/bias"], variables["params"]["b"]["c"]["bias"]),
    ):
        np.testing.assert_array_equal(value, original)
    with safe_open(path, "numpy") as file:
        assert json.loads(file.metadata()["config"])["model"]["hidden_channels"] == 2


def test_damaged_and_foreign_files_are_refused(tmp_path, tiny_config):
    path = tmp_path / "w.safetensors"
    save_weights(path, make_variables(), tiny_config, {})
    whole = path.read_bytes()
    for damaged in (b"", whole[:100], whole[:-1], b"x" * len(whole)):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="not a readable safetensors file"):
            load_weights(path)
    with pytest.raises(InputError, match="no such file"):
        load_weights(tmp_path / "nothing.safetensors")


def test_weights_that_do_not_fit_are_refused_by_name():
    expected = make_variables()
    check_fits(make_variables(), expected, "here")
    for change, words in [
        (lambda tree: tree["params"].pop("a"), "here: .* 1 missing .*params/a/kernel"),
        (lambda tree: tree["params"].update(z=np.zeros(1, np.float32)), "1 left over .*params/z"),
        (
            lambda tree: tree["params"]["a"].update(kernel=np.zeros((2, 3), np.float32)),
            r"kernel' is \(2, 3\), expected \(3, 2\)",
        ),
        (lambda tree: tree["params"]["a"].update(kernel=np.zeros((3, 2))), "float64, expected float32"),
    ]:
        tree = make_variables()
        change(tree)
        with pytest.raises(InputError, match=words):
            check_fits(tree, expected, "here")


def test_only_named_settings_may_differ(tmp_path, tiny_config):
    folder, variables = ModelFolder(tmp_path / "other"), make_variables()
    folder.save_config(tiny_config)
    with pytest.raises(InputError, match="not trained yet"):
        load_best(folder)
    save_weights(folder.weights, variables, tiny_config, {})
    alike = replace(
        tiny_config,
        model=replace(
            tiny_config.model, sample_rate=9000, hop_length=90, mask_activation="relu", dropout_p=0.5, model_name="b"
        ),
    )
    assert load_for([folder], alike, variables)["params"].keys() == {"a", "b"}
    unlike = replace(alike, model=replace(alike.model, hidden_channels=3, num_fft=512))
    words = r"hidden_channels \(2 there, 3 here\), num_fft \(256 there, 512 here\)"
    with pytest.raises(InputError, match=words) as caught:
        load_for([folder], unlike, variables)
    may_differ = "only these may differ: model_name, targets, sample_rate, residual_name, normalize_song, hop_length, "
    assert f"{may_differ}padding, high_bins, joiner, mask_activation, leak_factor, dropout_p" in str(caught.value)


def test_statistics_that_were_never_taken_stay_frozen(tmp_path):
    frozen = from_dict(
        {"model": {"model_type": "SpleeterNet", "hidden_channels": 1, "depth": 2, "freeze_statistics": True}}
    )
    thawed = replace(frozen, model=replace(frozen.model, freeze_statistics=False))
    model = build(frozen)
    variables = jax.jit(lambda: model.init(jax.random.key(0), frozen.crop_samples))()
    folder = ModelFolder(tmp_path / "model")
    folder.save_config(frozen)
    save_weights(folder.weights, variables, frozen, {})
    assert load_for([folder], frozen, variables).keys() == variables.keys()
    with pytest.raises(InputError, match="model: its batch norms hold mean 0 and variance 1.*is false, expected true"):
        load_for([folder], thawed, variables)
    variables["batch_stats"]["target_0"]["up_norm_0"]["mean"] += 0.1
    save_weights(folder.weights, variables, frozen, {})
    assert load_for([folder], thawed, variables).keys() == variables.keys()
