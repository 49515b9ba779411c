"""TFC-TDF on checkpoints of MDX23C: against the code of pymss-core, and pairs of files."""

import functools
import importlib.util
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest
import torch
import yaml

import bridge
from auralflow_core.config import from_dict
from auralflow_core.errors import InputError
from auralflow_jax.models.base import abstract_variables
from auralflow_jax.models.registry import build
from auralflow_torch.models import create_model
from auralflow_torch.weights import load_state
from bridge.importers.msst import read_pair, write_pair
from bridge.importers.tfc_tdf import from_msst, to_msst
from bridge.parity.twins import random_variables

needs_oracle = pytest.mark.skipif(importlib.util.find_spec("pymss_core") is None, reason="pymss-core is not installed")

SMALL = {"model_type": "TFCTDF", "sample_rate": 8000, "num_fft": 256, "window_size": 256, "hop_length": 64}
SMALL |= {"num_bins": 128, "hidden_channels": 8, "growth": 4, "depth": 2, "targets": ["bass", "drums", "vocals"]}
CASES = {
    "several": SMALL,
    "one": SMALL | {"targets": ["vocals"], "frame_stride": 4, "num_subbands": 2, "num_blocks": 1, "growth": 0},
}
SAMPLES = 64 * 15


def tfc_tdf(model=SMALL):
    """The configuration of a model, and a state dict of our torch network with every leaf random."""
    config = from_dict({"model": {"model_name": "m"} | model, "dataset": {"sample_length": SAMPLES / 8000}})
    return config, random_state(config)


@functools.cache
def random_state(config):
    return bridge.to_torch(random_variables(abstract_variables(config)))


def settings(network, **changes):
    """A file of settings as Music-Source-Separation-Training has them."""
    groups = {
        "audio": {"chunk_size": SAMPLES, "dim_f": 128, "dim_t": 16, "hop_length": 64, "n_fft": 256}
        | {"num_channels": 2, "sample_rate": 8000, "min_mean_abs": 0.001},
        "model": {
            "act": "gelu",
            "bottleneck_factor": network.compression,
            "growth": network.growth,
            "norm": "InstanceNorm",
            "num_blocks_per_scale": network.num_blocks,
            "num_channels": network.hidden_channels,
            "num_scales": network.depth,
            "num_subbands": network.num_subbands,
            "scale": [network.frame_stride, network.bin_stride],
        },
        "training": {"instruments": list(network.targets)[::-1], "target_instrument": None},
        "inference": {"batch_size": 1, "dim_t": 16, "num_overlap": 4},
    }
    return groups | {group: groups[group] | value for group, value in changes.items()}


def oracle(model):
    from pymss_core.modules.mdx23c_tfc_tdf_v3 import TFC_TDF_net  # pyright: ignore[reportMissingImports]

    return TFC_TDF_net(SimpleNamespace(**{name: SimpleNamespace(**group) for name, group in settings(model).items()}))


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype and found[name].tobytes() == np.ascontiguousarray(array).tobytes(), name


@needs_oracle
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("in_jax", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_networks_are_those_of_the_original(in_jax, name):
    config, state = tfc_tdf(CASES[name])
    theirs = oracle(config.model).eval()
    theirs.load_state_dict({key: torch.from_numpy(array) for key, array in to_msst(state, config.model).items()})
    audio = np.random.default_rng(1).standard_normal((2, 2, SAMPLES)).astype(np.float32)
    audio[1, :, 900:] = 0
    model = create_model(config).eval()
    load_state(model.network, state)
    with torch.no_grad():
        expected = theirs(torch.from_numpy(audio)).reshape(2, len(model.targets), 2, -1).numpy()
        found = model.estimate(torch.from_numpy(audio)).audio.numpy()
        # A signal that is shorter by less than a hop is filled up with zeros.
        short = model.estimate(torch.from_numpy(audio[1:, :, :950])).audio.numpy()
    tolerance = 1e-5 * max(1, np.abs(expected).max())
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
    np.testing.assert_allclose(short, expected[1:, ..., :950], rtol=0, atol=tolerance)
    if in_jax:
        flax = build(config).replace(variables=bridge.to_flax(state, config))
        with jax.default_matmul_precision("highest"):
            found = jax.jit(type(flax).estimate)(flax, audio).audio
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


@needs_oracle
@pytest.mark.parametrize("name", CASES)
def test_a_state_dict_of_the_original_goes_in_and_out_bit_for_bit(name):
    config, _ = tfc_tdf(CASES[name])
    state = {key: tensor.numpy() for key, tensor in oracle(config.model).state_dict().items()}
    instruments = config.model.targets[::-1]
    assert_same(to_msst(from_msst(state, config.model, instruments), config.model, instruments), state)


@pytest.mark.parametrize("name", CASES)
def test_pairs_go_in_and_out_bit_for_bit(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config, state = tfc_tdf(CASES[name] | {"residual_name": "accompaniment"})
    theirs = to_msst(state, config.model, config.model.targets[::-1])
    torch.save({f"module.{key}": torch.from_numpy(array) for key, array in theirs.items()}, "model.ckpt")
    Path("model.yaml").write_text(yaml.dump(settings(config.model)))
    found, read = read_pair("model.ckpt", "model.yaml", "m")
    expected = config.model.to_dict() | ({} if name == "one" else {"residual_name": "residual"})
    assert read.model.to_dict() == expected and read.crop_samples == SAMPLES
    assert_same(found, state)
    write_pair("again.ckpt", found, read, "m")
    again, read_again = read_pair("again.ckpt", "again.yaml", "m")
    assert read_again == read
    assert_same(again, state)


def test_instruments_in_another_order_are_the_targets():
    config, state = tfc_tdf()
    turned = to_msst(state, config.model, ["vocals", "bass", "drums"])["final_conv.2.weight"]
    np.testing.assert_array_equal(turned.reshape(3, 16, 8), state["last.1.weight"].reshape(3, 16, 8)[[2, 0, 1]])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": {"norm": "BatchNorm"}}, "model.norm is 'BatchNorm', expected 'InstanceNorm': no other is computed"),
        ({"model": {"act": "relu"}}, "model.act is 'relu', expected 'gelu': no other is computed here"),
        (
            {"model": {"num_heads": 8}},
            "unknown argument model.num_heads of an MDX23C network, which the checkpoint holds; ",
        ),
        ({"model": {"scale": [2]}}, "model.scale is .2., expected two numbers, of frames and bins"),
        ({"model": {"num_scales": 10**9}}, "model.num_scales is 1000000000, expected at most 200"),
        ({"audio": {"dim_f": 100}}, "audio.dim_f .100. must be a multiple of 16"),
        ({"audio": {"dim_f": 0}}, "audio.dim_f: expected `int` >= 1, got 0"),
        ({"audio": {"sample_rate": 0}}, "audio.sample_rate: expected `int` >= 1, got 0"),
        ({"model": {"num_channels": 0}}, "model.num_channels: expected `int` >= 1, got 0"),
        ({"model": {"scale": [2, 0]}}, r"model.scale\[1\]: expected `int` >= 1, got 0"),
        ({"audio": {"num_channels": 1}}, "audio.num_channels is 1, expected 2, as its networks have"),
        ({"audio": {"n_fft": None}}, "audio.n_fft is None, expected a whole number"),
    ],
)
def test_settings_of_another_model_are_refused(changes, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config, state = tfc_tdf()
    torch.save({key: torch.from_numpy(array) for key, array in to_msst(state, config.model).items()}, "model.ckpt")
    Path("model.yaml").write_text(yaml.dump(settings(config.model, **changes)))
    with pytest.raises(InputError, match=f"^model.yaml: .*{words}") as caught:
        read_pair("model.ckpt", "model.yaml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "samples", "words"),
    [
        (SMALL | {"window": "ones"}, SAMPLES, "model.window is 'ones', expected 'hann'"),
        (SMALL | {"num_channels": 1}, SAMPLES, "model.num_channels is 1, expected 2"),
        (SMALL, 960 - 64, "a segment has 15 frames, expected a multiple of 4; sample_length 0.12 gives one"),
    ],
)
def test_models_without_a_counterpart_are_not_written(model, samples, words, tmp_path):
    config = from_dict({"model": model, "dataset": {"sample_length": samples / 8000}})
    with pytest.raises(InputError, match=f"^m: {words}"):
        write_pair(tmp_path / "model.ckpt", {}, config, "m")
    assert not list(tmp_path.iterdir())
