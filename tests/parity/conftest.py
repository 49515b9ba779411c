"""The same network in both frameworks, with the same random weights."""

from functools import partial
from types import SimpleNamespace

import jax
import numpy as np
import pytest
import torch

import bridge
from auralflow_jax import networks as flax_networks
from auralflow_torch import networks as torch_networks


@pytest.fixture(autouse=True)
def full_precision():
    with jax.default_matmul_precision("highest"):
        yield


@pytest.fixture(autouse=True)
def one_thread():
    """Threads that wait for each other cost more than these small networks."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def quick_jit():
    """`jax.jit` that spends less on compiling, as each network here runs once or a few times."""
    options = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}
    try:
        jax.jit(lambda x: x + 1, compiler_options=options)(0.0)
    except jax.errors.JaxRuntimeError:  # this version of XLA has other names
        options = {}
    return partial(jax.jit, compiler_options=options)


@pytest.fixture
def scramble():
    return _scramble


@pytest.fixture
def make_twins():
    """`make_twins(name, dtype=float32, **settings)`: a flax network with variables, its torch twin, an input."""
    return _make_twins


def _scramble(shapes, seed: int = 0, dtype=np.float32) -> dict:
    """Every leaf random, statistics and biases too; scales and variances near 1."""
    rng = np.random.default_rng(seed)

    def draw(path, leaf):
        name = path[-1].key
        if name in ("scale", "var"):
            return rng.uniform(0.5, 1.5, leaf.shape).astype(dtype)
        if name == "kernel" or name.startswith("weight"):
            # The inputs of a kernel are all axes but the last, those of torch's own arrays the last.
            fan_in = leaf.shape[-1] if name.startswith("weight") else leaf.size / leaf.shape[-1]
            return (rng.normal(size=leaf.shape) * fan_in**-0.5).astype(dtype)
        return rng.normal(scale=0.3, size=leaf.shape).astype(dtype)

    return jax.tree_util.tree_map_with_path(draw, shapes)


def _make_twins(name: str, dtype=np.float32, seed: int = 0, batch: int = 3, num_bins: int = 12, num_frames: int = 8,
                mask: str = "sigmoid", **settings) -> SimpleNamespace:
    common = {"num_channels": 1, "num_targets": 1, "hidden_channels": 4, "depth": 2, "dropout_p": 0.0} | settings
    with jax.enable_x64(dtype == np.float64):
        flax = getattr(flax_networks, name)(num_bins=num_bins, num_frames=num_frames, mask_activation=mask,
                                            dtype=dtype, **common)
        shape = (batch, common["num_channels"], num_bins, num_frames)
        shapes = jax.eval_shape(flax.init, jax.random.key(0), jax.ShapeDtypeStruct(shape, dtype))
    variables = _scramble(shapes, seed, dtype)
    twin = getattr(torch_networks, name)(num_bins, num_frames, mask_act_fn=mask, **common)
    twin.to(torch.from_numpy(np.zeros(0, dtype)).dtype)
    twin.load_state_dict({key: torch.from_numpy(array) for key, array in bridge.to_torch(variables).items()})
    x = np.abs(np.random.default_rng(seed + 1).normal(size=shape)).astype(dtype)
    return SimpleNamespace(flax=flax, variables=variables, torch=twin, x=x)
