"""HTDemucs on files of demucs: against its own code, in and out, and refused."""

import importlib.util
import math
from fractions import Fraction
from pathlib import Path

import jax
import numpy as np
import pytest
import torch
import yaml
from demucs_files import SAMPLES, SMALL, ht_demucs, package_of
from msgspec.structs import replace
from tolerance import assert_near

import bridge
from auralflow_core.config import HTDemucs, template
from auralflow_core.errors import InputError
from auralflow_jax.models.registry import build
from auralflow_torch.models import create_model
from auralflow_torch.weights import load_state
from bridge.importers.demucs_package import write_package
from bridge.importers.demucs_settings import to_arguments, to_config
from bridge.importers.demucs_state import from_demucs, to_demucs
from bridge.importers.msst import read_pair, write_pair

needs_oracle = pytest.mark.skipif(importlib.util.find_spec("demucs") is None, reason="demucs is not installed")

CASES = {
    "small": SMALL,
    "deep": SMALL | {"depth": 3, "num_fft": 384, "width": 0, "residual_depth": 1, "heads": 4, "num_layers": 2},
    "plain": SMALL | {"residuals": "encoder", "bin_embedding": 0.0, "num_layers": 1, "targets": ["drums", "vocals"]},
    "mono": SMALL | {"num_channels": 1, "targets": ["vocals"], "compression": 3, "bin_embedding": 0.5, "num_layers": 2},
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def oracle(config):
    """The network of demucs with the same settings."""
    from demucs.htdemucs import HTDemucs  # pyright: ignore[reportMissingImports]

    arguments, _ = to_arguments(config, "m")
    return HTDemucs(**arguments).eval()


@needs_oracle
@pytest.mark.parametrize("name", CASES)
def test_both_networks_are_those_of_the_original(name):
    config, state = ht_demucs(CASES[name])
    _, sources = to_arguments(config, "m")
    theirs = oracle(config)
    arrays = to_demucs(state, config.model, sources)
    theirs.load_state_dict({key: torch.from_numpy(array) for key, array in arrays.items()})
    shape = 2, config.model.num_channels, SAMPLES
    audio = np.random.default_rng(1).standard_normal(shape).astype(np.float32) * 0.3 + 0.1
    audio[1, :, 700:] = 0  # as long as a segment that is filled up
    with torch.no_grad():
        expected = theirs(torch.from_numpy(audio)).numpy()
        assert_near(theirs(torch.from_numpy(audio[1:, ..., :700])).numpy(), expected[1:, ..., :700])
    expected = expected[:, [sources.index(target) for target in config.model.targets]]
    assert np.abs(expected).max() > 0.1

    model = create_model(config).eval()
    load_state(model.network, state)
    flax = build(config).replace(variables=bridge.to_flax(state, config))
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


@needs_oracle
def test_the_original_reads_what_is_written():
    from demucs.hf import load_safetensors_model  # pyright: ignore[reportMissingImports]

    config, state = ht_demucs(SMALL)
    write_package("model.safetensors", state, config, "m")
    theirs = load_safetensors_model("model.safetensors")
    assert theirs.sources == ["drums", "bass", "other", "vocals"] and theirs.segment == Fraction(SAMPLES, 8000)
    found = {key: tensor.numpy() for key, tensor in theirs.state_dict().items()}
    again = from_demucs(found, config.model, theirs.sources)
    assert all(np.array_equal(again[key], array) for key, array in state.items()) and again.keys() == state.keys()


def test_sources_in_another_order_are_the_targets():
    config, state = ht_demucs(SMALL | {"targets": ["bass", "drums", "vocals"]})
    turned = to_demucs(state, config.model, ["vocals", "bass", "drums"])
    bias = state["decoder.0.up.bias"].reshape(3, -1)  # of 4 numbers each: two channels, real and imaginary
    np.testing.assert_array_equal(turned["decoder.1.conv_tr.bias"].reshape(3, -1), bias[[2, 0, 1]])
    wave = state["wave_decoder.0.up.weight"].reshape(8, 3, 2, 8)
    np.testing.assert_array_equal(turned["tdecoder.1.conv_tr.weight"].reshape(8, 3, 2, 8), wave[:, [2, 0, 1]])
    again = from_demucs(turned, config.model, ["vocals", "bass", "drums"])
    assert all(np.array_equal(again[key], array) for key, array in state.items())
    with pytest.raises(InputError, match="sources are vocals, expected the targets bass, drums, vocals"):
        from_demucs(turned, config.model, ["vocals"])


def test_the_published_settings():
    """The arguments with which htdemucs, its fine-tuned members and the six-stem model were made."""
    shared = {"samplerate": 44100, "segment": Fraction(39, 5), "dconv_mode": 3, "t_dropout": 0.02, "t_layers": 5}
    shared |= {"audio_channels": 2, "channels": 48, "nfft": 4096}
    without_effect = {"growth": 2, "multi_freqs": [], "t_lr": None, "rescale": 0.1, "cac": True}
    sources = ["drums", "bass", "other", "vocals"]
    config, order = to_config(shared | without_effect | {"sources": sources, "bottom_channels": 512}, "", "htdemucs")
    assert config.crop_samples == 343_980 and order == tuple(sources)
    assert replace(config.model, model_name="") == template("HTDemucs").model
    assert to_arguments(config, "m")[0] | shared == to_arguments(config, "m")[0]
    six, _ = to_config(shared | {"sources": [*sources, "guitar", "piano"]}, "", "6s")
    assert isinstance(six.model, HTDemucs)
    assert (six.model.width, six.model.transformer_width, len(six.model.targets)) == (0, 384, 6)


TRAINING = {"samplerate": 8000, "segment": SAMPLES / 8000, "channels": 2, "instruments": ["vocals"]}


def msst_settings(arguments, **changes):
    """A file of settings as Music-Source-Separation-Training has them, of a package's arguments."""
    own = {key: value for key, value in arguments.items() if key not in ("sources", "segment", "samplerate")}
    training = {"samplerate": 8000, "segment": SAMPLES / 8000, "channels": own.pop("audio_channels")}
    training |= {"instruments": list(arguments["sources"]), "target_instrument": None, "shift": 1}
    audio = {"chunk_size": 485100, "hop_length": 1024}
    settings = {"audio": audio, "training": training, "model": "htdemucs", "htdemucs": own | {"num_subbands": 1}}
    return settings | {"inference": {"num_overlap": 4}} | changes


def test_pairs_go_in_and_out_bit_for_bit():
    config, state = ht_demucs(SMALL)
    package = package_of(config, state, half=False)
    torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in package["state"].items()}}, "model.ckpt")
    Path("model.yaml").write_text(yaml.dump(msst_settings(package["kwargs"])))
    found, read = read_pair("model.ckpt", "model.yaml", "m")
    assert read.model == config.model and read.crop_samples == SAMPLES
    assert all(np.array_equal(found[key], array) for key, array in state.items()) and found.keys() == state.keys()
    write_pair("again.ckpt", found, read, "m")
    written = torch.load("again.ckpt")
    assert written.keys() == package["state"].keys()
    assert all(torch.equal(written[key], tensor) for key, tensor in package["state"].items())
    again, read_again = read_pair("again.ckpt", "again.yaml", "m")
    assert read_again == read and all(np.array_equal(again[key], array) for key, array in state.items())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "hdemucs"}, "model is 'hdemucs', but the checkpoint holds an HTDemucs"),
        ({"model": {"dim": 3}}, "model is {'dim': 3}, but the checkpoint holds an HTDemucs"),
        ({"htdemucs": 3}, "htdemucs is an int, expected a group of settings"),
        ({"training": {"instruments": ["vocals"]}}, "training.channels is missing"),
        ({"inference": {"normalize": True}}, "inference.normalize is true, expected false"),
        ({"training": TRAINING | {"segment": math.nan}}, "training.segment is nan, expected a number of seconds"),
        ({"training": TRAINING | {"segment": math.inf}}, "training.segment is inf, expected a number of seconds"),
        ({"training": TRAINING | {"samplerate": math.nan}}, "training.samplerate is nan, expected a whole number"),
        ({"training": TRAINING | {"samplerate": 0}}, "training.samplerate: expected `int` >= 1, got 0"),
        ({"htdemucs": {"nfft": math.inf}}, "htdemucs.nfft is inf, expected a whole number"),
        ({"htdemucs": {"nfft": 10**400}}, "htdemucs.nfft is 1000.*000, expected a whole number from 0 to 65536"),
        ({"htdemucs": {"freq_emb": -math.inf}}, "htdemucs.freq_emb is -inf, expected a number from 0 to 1000000"),
        ({"htdemucs": {"t_layers": 10**6}}, "htdemucs.t_layers is 1000000, expected a whole number from 0 to 200"),
        (
            {"htdemucs": {"bottom_channels": 6}},
            r"htdemucs.bottom_channels \(6\) must be a multiple of htdemucs.t_heads",
        ),
        ({"htdemucs": {"dconv_mode": []}}, r"htdemucs.dconv_mode is \[\], expected 1 or 3"),
        ({"htdemucs": {"norm_starts": 1}}, "htdemucs.norm_starts is 1, expected at least htdemucs.depth, 4"),
        ({"htdemucs": {"dconv_mode": 2}}, "htdemucs.dconv_mode is 2, expected 1 or 3"),
    ],
)
def test_settings_of_another_model_are_refused(changes, words):
    package = package_of(*ht_demucs(SMALL))
    torch.save(package["state"], "model.ckpt")
    Path("model.yaml").write_text(yaml.dump(msst_settings(package["kwargs"], **changes)))
    with pytest.raises(InputError, match=f"^model.yaml: {words}"):
        read_pair("model.ckpt", "model.yaml")
