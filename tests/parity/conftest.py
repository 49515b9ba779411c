"""What comparing the two frameworks needs: full precision, one thread, programs that compile quickly."""

from functools import partial

import jax
import pytest
import torch


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
