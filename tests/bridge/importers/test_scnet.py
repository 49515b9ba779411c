"""SCNet on checkpoints of Music-Source-Separation-Training: against its own code, and pairs of files."""

import functools
import importlib.util
from pathlib import Path

import jax
import numpy as np
import pytest
import torch
import yaml
from msgspec.structs import replace
from tolerance import assert_near

import bridge
from auralflow_core.config import SCNet, from_dict
from auralflow_core.errors import InputError
from auralflow_jax.models.base import abstract_variables
from auralflow_jax.models.registry import build
from auralflow_torch.models import create_model
from auralflow_torch.weights import load_state
from bridge.importers.msst import read_pair, write_pair
from bridge.importers.scnet import from_msst, to_msst
from bridge.parity.twins import random_variables

SMALL = {"model_type": "SCNet", "sample_rate": 8000, "num_fft": 256, "window_size": 256, "hop_length": 64}
SMALL |= {"level_channels": [8, 12], "num_layers": 2, "band_depths": [1, 0, 1], "targets": ["bass", "drums", "vocals"]}
WIDE = {"band_shares": [0.23, 0.37, 0.4], "band_strides": [1, 4, 4], "band_kernels": [3, 4, 4]}
CASES = {
    "plain": SMALL,
    "wide": SMALL | WIDE | {"band_depths": [3, 0, 1], "level_channels": [4, 8, 12], "num_layers": 4},
    "masked": SMALL | {"masks": True, "window": "hann", "expansion": 2, "kernel_size": 5},
}
SAMPLES = 1349  # 21 hops and some: the frames would be odd without another hop of zeros


def scnet(model=SMALL):
    """The configuration of a model, and a state dict of our torch network with every leaf random."""
    config = from_dict({"model": {"model_name": "m"} | model, "dataset": {"sample_length": SAMPLES / 8000}})
    return config, random_state(config)


@functools.cache
def random_state(config):
    return bridge.to_torch(random_variables(abstract_variables(config)))


def arguments(model: SCNet):
    """Those of the original."""
    return {
        "sources": list(model.targets),
        "audio_channels": model.num_channels,
        "dims": [2 * model.num_channels, *model.level_channels],
        "nfft": model.num_fft,
        "hop_size": model.hop_length,
        "win_size": model.window_size,
        "band_SR": list(model.band_shares),
        "band_stride": list(model.band_strides),
        "band_kernel": list(model.band_kernels),
        "conv_depths": list(model.band_depths),
        "compress": model.compression,
        "conv_kernel": model.kernel_size,
        "num_dplayer": model.num_layers,
        "expand": model.expansion,
    }


def oracle(model: SCNet):
    """The network of pymss-core, or of msst where it makes masks."""
    name = "msst.models.scnet.scnet_masked" if model.masks else "pymss_core.modules.scnet.scnet"
    if importlib.util.find_spec(name.partition(".")[0]) is None:
        pytest.skip(f"{name.partition('.')[0]} is not installed")
    return importlib.import_module(name).SCNet(**arguments(model)).eval()


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype and found[name].tobytes() == np.ascontiguousarray(array).tobytes(), name


@pytest.mark.filterwarnings("ignore:A window was not provided")
@pytest.mark.parametrize("samples", [SAMPLES, 1280])
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("in_jax", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_networks_are_those_of_the_original(in_jax, name, samples):
    config, state = scnet(CASES[name])
    theirs = oracle(config.model)
    theirs.load_state_dict({key: torch.from_numpy(array) for key, array in to_msst(state, config.model).items()})
    audio = np.random.default_rng(1).standard_normal((2, 2, samples)).astype(np.float32)
    audio[1, :, 700:] = 0
    with torch.no_grad():
        expected = theirs(torch.from_numpy(audio)).numpy()
    assert np.abs(expected).max() > 0.1
    model = create_model(config).eval()
    load_state(model.network, state)
    with torch.no_grad():
        assert_near(model.estimate(torch.from_numpy(audio)).audio.numpy(), expected)
    if in_jax:
        flax = build(config).replace(variables=bridge.to_flax(state, config))
        with jax.default_matmul_precision("highest"):
            assert_near(jax.jit(type(flax).estimate)(flax, audio).audio, expected)


@pytest.mark.parametrize("name", CASES)
def test_a_state_dict_of_the_original_goes_in_and_out_bit_for_bit(name):
    config, _ = scnet(CASES[name])
    state = {key: tensor.numpy() for key, tensor in oracle(config.model).state_dict().items()}
    instruments = config.model.targets[::-1]
    assert_same(to_msst(from_msst(state, config.model, instruments), config.model, instruments), state)


def test_instruments_in_another_order_are_the_targets():
    config, state = scnet()
    turned = to_msst(state, config.model, ["vocals", "bass", "drums"])
    bias = state["decoder.0.up.layers.1.bias"].reshape(3, 4)
    np.testing.assert_array_equal(turned["decoder.1.1.convtrs.1.bias"].reshape(3, 4), bias[[2, 0, 1]])
    weight = state["decoder.0.up.layers.2.weight"].reshape(8, 3, 4, 16, 1)
    np.testing.assert_array_equal(turned["decoder.1.1.convtrs.2.weight"].reshape(8, 3, 4, 16, 1), weight[:, [2, 0, 1]])
    assert_same(from_msst(turned, config.model, ["vocals", "bass", "drums"]), state)


def settings(network: SCNet, **changes):
    """A file of settings as Music-Source-Separation-Training has them."""
    groups = {
        "audio": {"chunk_size": SAMPLES, "num_channels": 2, "sample_rate": 8000, "min_mean_abs": 0.0},
        "model": arguments(network) | {"normalized": True},
        "training": {"instruments": list(network.targets)[::-1], "target_instrument": None, "batch_size": 10},
        "inference": {"batch_size": 8, "dim_t": 256, "num_overlap": 4, "normalize": True},
    }
    return groups | {group: groups[group] | value for group, value in changes.items()}


@pytest.mark.parametrize("name", CASES)
def test_pairs_go_in_and_out_bit_for_bit(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config, state = scnet(CASES[name])
    model = replace(config.model, normalize_song=True)
    instruments = config.model.targets[::-1]
    theirs = {key: torch.from_numpy(array) for key, array in to_msst(state, config.model, instruments).items()}
    torch.save(theirs, "model.ckpt")
    Path("model.yaml").write_text(yaml.dump(settings(config.model)))
    found, read = read_pair("model.ckpt", "model.yaml", "m")
    assert read.model == model
    assert read.crop_samples == SAMPLES
    assert_same(found, state)
    write_pair("again.ckpt", found, read, "m")
    again, read_again = read_pair("again.ckpt", "again.yaml", "m")
    assert read_again == read
    assert_same(again, state)
    assert_same({key: tensor.numpy() for key, tensor in torch.load("again.ckpt").items()}, to_msst(state, config.model))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": {"normalized": False}}, "model.normalized is False, expected True: no other is computed here"),
        ({"model": {"num_heads": 8}}, "unknown argument model.num_heads of an SCNet, which the checkpoint holds; "),
        ({"model": {"dims": [2, 8, 12]}}, "model.dims begins with 2, expected 4, two for each channel"),
        ({"model": {"dims": 8}}, "model.dims is 8, expected a list of numbers"),
        ({"model": {"dims": [4, "8"]}}, r"model.dims\[1\] is '8', expected a whole number"),
        ({"model": {"dims": [4, 8, 0]}}, r"model.dims\[2\] is 0, expected at least 1"),
        ({"model": {"dims": [4, *[8] * 2000]}}, "model.dims has 2001 numbers, expected at most 32"),
        ({"model": {"band_SR": [0.0, 0.5, 0.5]}}, r"model.band_SR\[0\]: expected `float` > 0.0, got 0.0"),
        ({"audio": {"sample_rate": 0}}, "audio.sample_rate: expected `int` >= 1, got 0"),
        ({"model": {"sources": ["vocals"]}}, "model.sources is ..vocals.., but training names 3 as targets"),
        ({"model": {"band_SR": [0.2, 0.2, 0.2]}}, "model.band_SR have the sum 0.6, expected 1"),
        ({"model": {"band_kernel": [3, 2, 16]}}, "which does not suit model.band_stride 4 and model.band_kernel 2"),
        ({"model": {"num_dplayer": 3}}, "model.num_dplayer .3. must be even"),
        ({"model": {"num_dplayer": 10**9}}, "model.num_dplayer is 1000000000, expected at most 200"),
        (
            {"model": {"conv_depths": [3, 2]}},
            "model.conv_depths has 2 numbers, expected one for each of 3 model.band_SR",
        ),
        ({"audio": {"num_channels": 1}}, "audio.num_channels is 1, expected 2, as model.audio_channels says"),
        ({"inference": {"normalize": "yes"}}, "inference.normalize is 'yes', expected true or false"),
    ],
)
def test_settings_of_another_model_are_refused(changes, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config, state = scnet()
    torch.save({key: torch.from_numpy(array) for key, array in to_msst(state, config.model).items()}, "model.ckpt")
    Path("model.yaml").write_text(yaml.dump(settings(config.model, **changes)))
    with pytest.raises(InputError, match=f"^model.yaml: .*{words}") as caught:
        read_pair("model.ckpt", "model.yaml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (SMALL | {"window": "hann"}, "model.window is 'hann', expected 'ones'"),
        (SMALL | {"zero_dc": True}, "model.zero_dc is True, expected False"),
        (SMALL | {"masks": True, "window": "hann", "window_size": 128}, "model.window_size is 128, expected 256"),
        (
            SMALL | {"band_shares": [0.5, 0.5], "band_strides": [1, 4], "band_kernels": [3, 4], "band_depths": [1, 1]},
            "has 2 bands, expected 3",
        ),
    ],
)
def test_models_without_a_counterpart_are_not_written(model, words, tmp_path):
    config = from_dict({"model": model, "dataset": {"sample_length": 1}})
    with pytest.raises(InputError, match=f"^m: {words}"):
        write_pair(tmp_path / "model.ckpt", {}, config, "m")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_silence_has_finite_gradients():
    config, state = scnet()
    flax = build(config).replace(variables=bridge.to_flax(state, config))
    gradients = jax.jit(jax.grad(lambda model, audio: jax.numpy.abs(model.estimate(audio).audio).sum()))(
        flax, np.zeros((1, 2, 640), np.float32)
    )
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients))
