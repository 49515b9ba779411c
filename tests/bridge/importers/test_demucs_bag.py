"""Bags of demucs: several packages as one model."""

import importlib.util
import math
from pathlib import Path

import jax
import numpy as np
import pytest
import torch
import yaml
from demucs_files import SAMPLES, SMALL, ht_demucs, package_of, write_th
from tolerance import assert_near

import bridge
from auralflow_core.config import HTDemucs
from auralflow_core.errors import InputError
from auralflow_jax.models.registry import build
from auralflow_torch.models import create_model
from auralflow_torch.weights import load_state
from bridge.importers.demucs_bag import read_bag
from bridge.importers.demucs_package import write_package


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_bag_is_the_weighted_mean_of_its_members():
    model = SMALL | {"targets": ["bass", "drums", "vocals"], "num_layers": 1, "depth": 1, "num_channels": 1}
    members = [ht_demucs(model, seed) for seed in (0, 1)]
    for signature, (config, state) in zip(("aa-1234.th", "bb.th"), members, strict=True):
        write_th(signature, package_of(config, state, half=False))
    # The sources of a package are drums, bass, vocals.
    bag = {"models": ["aa", "bb"], "weights": [[1, 0.5, 0.25], [0, 0.5, 0.75]], "segment": 0.1}
    Path("bag.yaml").write_text(yaml.dump(bag))
    state, config = read_bag("bag.yaml", "m")
    assert isinstance(config.model, HTDemucs) and (config.crop_samples, config.model.members) == (800, 2)
    audio = np.random.default_rng(1).standard_normal((2, 1, 800)).astype(np.float32)
    estimates = []
    for single, tensors in members:
        network = create_model(single).eval()
        load_state(network.network, tensors)
        estimates.append(network.estimate(torch.from_numpy(audio)).audio.detach().numpy())
    share = np.float32([0.5, 1, 0.25])[:, None, None]  # of bass, drums, vocals
    expected = share * estimates[0] + (1 - share) * estimates[1]
    assert np.abs(estimates[0] - estimates[1]).max() > 0.1
    ours = create_model(config).eval()
    load_state(ours.network, state)
    assert_near(ours.estimate(torch.from_numpy(audio)).audio.detach().numpy(), expected)
    flax = build(config).replace(variables=bridge.to_flax(state, config))
    with jax.default_matmul_precision("highest"):
        assert_near(jax.jit(type(flax).estimate)(flax, audio).audio, expected)
    with pytest.raises(InputError, match="m: has 2 members, and one network is written into a file"):
        write_package("model.safetensors", state, config, "m")


@pytest.mark.skipif(importlib.util.find_spec("demucs") is None, reason="demucs is not installed")
@pytest.mark.parametrize("weights", [None, [[1, 1, 1, 1], [2, 2, 2, 2]], [[1, 0, 300, 0.25], [0, 7, 100.5, 3]]])
def test_weights_are_those_of_a_mean_as_there(weights):
    from demucs.apply import apply_model  # pyright: ignore[reportMissingImports]
    from demucs.hf import load_safetensors_model  # pyright: ignore[reportMissingImports]
    from demucs.repo import BagOnlyRepo  # pyright: ignore[reportMissingImports]

    class Beside:
        """The files next to a bag, as a repository of demucs."""

        def get_model(self, signature):
            return load_safetensors_model(f"{signature}.safetensors")

    for seed, signature in enumerate(("aa", "bb")):
        config, tensors = ht_demucs(SMALL, seed)
        write_package(f"{signature}.safetensors", tensors, config, "m")
    Path("bag.yaml").write_text(yaml.dump({"models": ["aa", "bb"], "weights": weights, "segment": 30}))
    theirs = BagOnlyRepo(Path(), Beside()).get_model("bag")  # pyright: ignore[reportArgumentType]
    audio = torch.from_numpy(np.random.default_rng(1).standard_normal((1, 2, SAMPLES)).astype(np.float32))
    expected = apply_model(theirs, audio, shifts=0, split=False).numpy()
    state, config = read_bag("bag.yaml", "m")
    assert config.crop_samples == SAMPLES  # HTDemucs keeps its own segment, which is shorter
    ours = create_model(config).eval()
    load_state(ours.network, state)
    order = [theirs.sources.index(target) for target in config.model.targets]
    assert_near(ours.estimate(audio).audio.detach().numpy(), expected[:, order])


@pytest.mark.parametrize(
    ("bag", "words"),
    [
        ({"models": ["aa", "cc"]}, "no file cc.th or cc.safetensors"),
        ({"models": ["../aa"]}, "models has '../aa', expected signatures"),
        ({"models": "aa"}, "models is 'aa', expected the signatures of a bag of demucs"),
        ({"models": ["aa", "aa"], "weights": [[1, 1]]}, "expected 2 lists of 4 numbers"),
        (
            {"models": ["aa", "aa"], "weights": [[1, 1, 1, 0], [1, 1, 1, 0]]},
            "weights gives vocals no weight in any member",
        ),
        (
            {"models": ["aa", "aa"], "weights": [[1, 1, 1, 1], [1, "x", 1, 0]]},
            r"weights.1..1. is 'x', expected a number from 0 to 1000000",
        ),
        ({"models": ["aa", "aa"], "weights": [[1, 1, 1, -1], [1, 1, 1, 2]]}, r"weights.0..3. is -1, expected a number"),
        ({"models": ["aa", "aa"], "weights": [[1, 1, 1, math.nan]] * 2}, r"weights.0..3. is nan, expected a number"),
        ({"models": ["aa"], "segment": math.nan}, "segment is nan, expected a number of seconds above 0"),
        ({"models": ["aa"] * 33}, "models has 33 signatures, expected at most 32"),
        (
            {"models": ["aa", "aa"], "wieghts": [[1, 1, 1, 1]] * 2},
            "unknown key wieghts of a bag of demucs; did you mean 'weights'. known: models, segment, weights",
        ),
        ({"audio": {}, "model": {}}, "names no models, so it is no bag of demucs; if it is .* name the checkpoint"),
        ({"models": ["aa", "bb"]}, "bb.th and aa.th differ: num_layers .1 there, 3 here."),
    ],
)
def test_other_bags_are_refused(bag, words):
    write_th("aa.th", package_of(*ht_demucs(SMALL)))
    write_th("bb.th", package_of(*ht_demucs(SMALL | {"num_layers": 1})))
    Path("bag.yaml").write_text(yaml.dump(bag))
    with pytest.raises(InputError, match=f"^bag.yaml: .*{words}"):
        read_bag("bag.yaml", "m")
