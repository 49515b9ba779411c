"""HDemucs on files of demucs: against its own code, in and out, and refused."""

import importlib.util
import json
from pathlib import Path

import jax
import numpy as np
import pytest
import torch
import yaml
from demucs_files import SAMPLES, SMALL_H, ht_demucs, package_of, write_safetensors, write_th
from safetensors import safe_open
from tolerance import assert_near

import bridge
from auralflow_core.config import template
from auralflow_core.errors import InputError
from auralflow_jax.models.registry import build
from auralflow_torch.models import create_model
from auralflow_torch.weights import load_state
from bridge.importers.demucs_arguments import H
from bridge.importers.demucs_package import read_package, write_package
from bridge.importers.demucs_settings import to_arguments, to_config
from bridge.importers.demucs_state import from_demucs, to_demucs
from bridge.importers.msst import read_pair, write_pair

needs_oracle = pytest.mark.skipif(importlib.util.find_spec("demucs") is None, reason="demucs is not installed")
CASES = {
    "small": SMALL_H,
    "both": SMALL_H | {"residuals": "both", "targets": ["drums", "vocals"], "recurrent_level": 2, "norm_level": 0},
    "plain": SMALL_H | {"depth": 2, "norm_level": 9, "recurrent_level": 9, "attention_level": 0, "bin_embedding": 0.0},
    "deep": SMALL_H | {"num_fft": 256, "depth": 5, "num_channels": 1, "targets": ["vocals"], "attention_level": 4},
}
LENGTHS = {"small": (SAMPLES, 16 * 401), "both": (SAMPLES,), "plain": (3,), "deep": (4000,)}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def oracle(config):
    """The network of demucs with the same settings."""
    from demucs.hdemucs import HDemucs  # pyright: ignore[reportMissingImports]

    arguments, _ = to_arguments(config, "m")
    return HDemucs(**arguments).eval()


@pytest.mark.slow
@needs_oracle
@pytest.mark.parametrize("name", CASES)
def test_both_networks_are_those_of_the_original(name):
    config, state = ht_demucs(CASES[name])
    _, sources = to_arguments(config, "m")
    theirs = oracle(config)
    arrays = to_demucs(state, config.model, sources)
    theirs.load_state_dict({key: torch.from_numpy(array) for key, array in arrays.items()})
    model = create_model(config).eval()
    load_state(model.network, state)
    flax = build(config).replace(variables=bridge.to_flax(state, config))
    for samples in LENGTHS[name]:  # the longest of "small" has windows of the recurrent layers
        shape = 2, config.model.num_channels, samples
        audio = np.random.default_rng(1).standard_normal(shape).astype(np.float32) * 0.3 + 0.1
        with torch.no_grad():
            expected = theirs(torch.from_numpy(audio)).numpy()
        expected = expected[:, [sources.index(target) for target in config.model.targets]]
        assert np.abs(expected).max() > 0.1
        with torch.no_grad():
            assert_near(model.estimate(torch.from_numpy(audio)).audio.numpy(), expected)
        with jax.default_matmul_precision("highest"):
            assert_near(jax.jit(type(flax).estimate)(flax, audio).audio, expected)


@needs_oracle
@pytest.mark.parametrize("name", CASES)
def test_a_state_dict_of_the_original_goes_in_and_out_bit_for_bit(name):
    config, _ = ht_demucs(CASES[name])
    state = {key: tensor.numpy() for key, tensor in oracle(config).state_dict().items()}
    sources = config.model.targets[::-1]
    again = to_demucs(from_demucs(state, config.model, sources), config.model, sources)
    assert again.keys() == state.keys()
    for key, array in state.items():
        assert again[key].dtype == array.dtype and again[key].tobytes() == np.ascontiguousarray(array).tobytes(), key


@pytest.mark.parametrize("half", [True, False])
def test_packages_go_in_and_out_bit_for_bit(half):
    config, state = ht_demucs(SMALL_H)
    package = package_of(config, state, half)
    write_th("model.th", package)
    write_safetensors("model.safetensors", package)
    for file in ("model.th", "model.safetensors"):
        found, read = read_package(file, "m")
        assert read.model == config.model and read.crop_samples == SAMPLES
        for key, array in state.items():
            np.testing.assert_array_equal(found[key], array.astype(np.float16) if half else array)
        write_package(f"again-{file}.safetensors", found, read, "m")
        with safe_open(f"again-{file}.safetensors", "np") as written, safe_open("model.safetensors", "np") as first:
            assert {*written.keys()} == {*first.keys()} and written.metadata()["klass"] == "demucs.hdemucs.HDemucs"
            for key in first.keys():  # noqa: SIM118
                ours, theirs = written.get_tensor(key), first.get_tensor(key)
                assert ours.dtype == theirs.dtype and ours.tobytes() == theirs.tobytes(), key
            ours, theirs = (json.loads(file.metadata()["kwargs"]) for file in (written, first))
            assert ours == theirs


@needs_oracle
def test_a_pair_is_the_original_as_music_source_separation_training_builds_it():
    from demucs.hdemucs import HDemucs  # pyright: ignore[reportMissingImports]

    config, state = ht_demucs(SMALL_H)
    write_pair("model.ckpt", state, config, "m")
    settings = yaml.safe_load(Path("model.yaml").read_text())
    training = settings["training"]
    signal = {"audio_channels": training["channels"], "samplerate": training["samplerate"]}
    signal |= {"sources": training["instruments"], "segment": training["segment"]}
    theirs = HDemucs(**signal, **settings[settings["model"]]).eval()
    theirs.load_state_dict(torch.load("model.ckpt"))
    audio = np.random.default_rng(1).standard_normal((2, 2, SAMPLES)).astype(np.float32) * 0.3

    found, read = read_pair("model.ckpt", "model.yaml", "m")
    assert read.model == config.model and read.crop_samples == SAMPLES
    assert found.keys() == state.keys() and all(np.array_equal(found[key], array) for key, array in state.items())
    model = create_model(read).eval()
    load_state(model.network, found)
    with torch.no_grad():
        expected = theirs(torch.from_numpy(audio)).numpy()
        estimate = model.estimate(torch.from_numpy(audio)).audio.numpy()
    assert_near(estimate, expected[:, [theirs.sources.index(target) for target in config.model.targets]])


def test_a_pair_with_the_settings_of_the_other_kind_is_refused():
    config, state = ht_demucs(SMALL_H)
    write_pair("model.ckpt", state, config, "m")
    settings = Path("model.yaml").read_text()
    Path("model.yaml").write_text(settings.replace("hdemucs", "htdemucs"))
    with pytest.raises(InputError, match="^model.yaml: model is 'htdemucs', but the checkpoint holds an HDemucs$"):
        read_pair("model.ckpt", "model.yaml")


def test_the_published_settings():
    """The constructor's defaults are the template, whose sources are sorted."""
    sources = ["drums", "bass", "other", "vocals"]
    config, order = to_config({"sources": sources, "multi_freqs": [], "rescale": 0.1}, "", "hdemucs", H)
    assert order == tuple(sources) and config.crop_samples == 40 * 44100
    assert config.model == template("HDemucs").model


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hybrid_old": True}, "hybrid_old is True, expected False: no other is computed here"),
        ({"multi_freqs": [0.5]}, "multi_freqs is \\[0.5\\], expected none: no other is computed here"),
        ({"t_layers": 5}, "unknown argument 't_layers' of an HDemucs"),
        ({"nfft": 2048}, "^m: nfft \\(2048\\) must be 16 times a power of 4, such as 1024 or 4096"),
        ({"depth": 4}, "depth \\(4\\) must be at least 5 with nfft 4096"),
        ({"norm_groups": 5}, "norm_groups \\(5\\) must divide the 768 channels of level 4"),
        ({"channels": 20, "dconv_comp": 20, "dconv_attn": 0}, "level 0 has 1 channels inside its residual branches"),
        ({"dconv_mode": 2}, "dconv_mode is 2, expected 1 or 3"),
        ({"dconv_depth": -2}, "dconv_depth is -2, expected a whole number from 0 to 200"),
    ],
)
def test_what_is_not_computed_is_refused(changes, words):
    with pytest.raises(InputError, match=words):
        to_config({"sources": ["drums", "vocals"]} | changes, "", "m", H)
