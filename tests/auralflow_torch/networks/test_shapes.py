"""The shapes of networks are known, and compared, before any memory is taken."""

import time

import numpy as np
import pytest
import torch
from msgspec.structs import replace

import auralflow_jax
import auralflow_torch
from auralflow_core.config import MODELS, SpectrogramNetSimple, from_dict
from auralflow_core.config.templates import read_template
from auralflow_core.errors import InputError
from auralflow_core.weights.file import TORCH, TensorFile, write_tensors
from auralflow_torch.networks import build_network, network_shapes
from auralflow_torch.networks.shapes import state_shapes

# 16 GiB in each of the widest kernels, more than a TiB in all
ABSURD = {"model_type": "SpectrogramNetSimple", "hidden_channels": 4096, "depth": 8}


@pytest.mark.parametrize("name", MODELS)
def test_shapes_are_those_of_the_network(name):
    config = read_template(name, "tiny")
    state = build_network(config).state_dict()
    assert network_shapes(config) == {key: (tuple(x.shape), x.numpy().dtype) for key, x in state.items()}


def test_making_a_network_draws_the_same_weights_as_before():
    config = read_template("SpectrogramNetLSTM", "tiny")
    states = []
    for _ in range(2):
        torch.manual_seed(0)
        states.append(build_network(config).state_dict())
        network_shapes(config)  # takes no random number
        assert torch.initial_seed() == 0
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    torch.manual_seed(0)
    before = torch.get_rng_state()
    network_shapes(config)
    assert torch.equal(before, torch.get_rng_state())


def test_a_network_that_reads_its_own_values_has_no_shapes():
    class Reads(torch.nn.Linear):
        def __init__(self):
            super().__init__(2, 2)
            self.largest = self.weight.max().item()

    assert state_shapes(Reads) is None and len(state_shapes(lambda: torch.nn.Linear(2, 3))) == 2


@pytest.mark.parametrize("package", [auralflow_torch, auralflow_jax])
def test_a_network_that_the_machine_cannot_hold_is_refused(package):
    with pytest.raises(InputError, match=r"SpectrogramNetSimple: its tensors take \d+\.\d GiB, and this machine has"):
        package.create_model({"model": ABSURD})


@pytest.mark.parametrize("package", [auralflow_torch, auralflow_jax])
def test_a_file_is_compared_before_its_network_is_made(package, tmp_path):
    """The network of the configuration takes gigabytes, and the tensors of the file are a few."""
    config = from_dict({"model": ABSURD})
    config = replace(config, model=SpectrogramNetSimple(hidden_channels=1024, depth=5))
    write_tensors(tmp_path / "a.safetensors", TensorFile(TORCH, {"a": np.zeros(3, np.float32)}, config, {}))
    started = time.monotonic()
    with pytest.raises(InputError, match=r"a.safetensors: the tensors do not fit the network: \d+ missing"):
        package.load(tmp_path / "a.safetensors", device="cpu")
    assert time.monotonic() - started < 15
