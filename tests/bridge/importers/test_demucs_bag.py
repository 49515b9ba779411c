"""Bags of demucs: several packages as one model."""

from pathlib import Path

import jax
import numpy as np
import pytest
import torch
import yaml
from demucs_files import SMALL, ht_demucs, package_of, write_th
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


@pytest.mark.parametrize(
    ("bag", "words"),
    [
        ({"models": ["aa", "cc"]}, "no file cc.th or cc.safetensors"),
        ({"models": ["../aa"]}, "models has '../aa', expected signatures"),
        ({"models": "aa"}, "models is 'aa', expected the signatures of a bag of demucs"),
        ({"models": ["aa", "aa"], "weights": [[1, 1]]}, "expected 2 lists of 4 numbers"),
        ({"models": ["aa", "aa"], "weights": [[1, 1, 1, 0], [1, 1, 1, 0]]}, "gives a target no weight in any member"),
        ({"models": ["aa", "aa"], "weights": [[1, 1, 1, "x"], [1, 1, 1, 0]]}, "model.member_shares"),
        ({"models": ["aa", "bb"]}, "bb.th and aa.th differ: num_layers .1 there, 3 here."),
    ],
)
def test_other_bags_are_refused(bag, words):
    write_th("aa.th", package_of(*ht_demucs(SMALL)))
    write_th("bb.th", package_of(*ht_demucs(SMALL | {"num_layers": 1})))
    Path("bag.yaml").write_text(yaml.dump(bag))
    with pytest.raises(InputError, match=f"^bag.yaml: .*{words}"):
        read_bag("bag.yaml", "m")
