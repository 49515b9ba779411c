"""Fixtures that compare the two frameworks: both behind one interface, at full precision."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import auralflow_jax.layers.front_end
import auralflow_jax.losses
import auralflow_jax.metrics
import auralflow_jax.spectral
import auralflow_torch.layers.front_end
import auralflow_torch.losses
import auralflow_torch.metrics
import auralflow_torch.spectral


@pytest.fixture(autouse=True)
def full_precision():
    with jax.default_matmul_precision("highest"):
        yield


@pytest.fixture
def real_times_complex():
    """Lets functions that a test writes for both frameworks multiply real by complex arrays, as torch does."""
    with jax.numpy_dtype_promotion("standard"):
        yield


class Jax:
    """The pure functions of auralflow_jax, under jit, from numpy arrays."""

    losses, metrics = auralflow_jax.losses, auralflow_jax.metrics
    masking, spectral = auralflow_jax.layers.front_end, auralflow_jax.spectral

    @staticmethod
    def run(function, *arrays, **settings) -> np.ndarray:
        """The function's result."""
        with Jax.precision(*arrays):
            return np.asarray(jax.jit(partial(function, **settings))(*map(jnp.asarray, arrays)))

    @staticmethod
    def dtype(function, *arrays, dtype: str) -> str:
        """The dtype of the function's result for arrays of a dtype."""
        with jax.enable_x64(dtype == "float64"):
            return jax.eval_shape(function, *(jax.ShapeDtypeStruct(array.shape, dtype) for array in arrays)).dtype.name

    @staticmethod
    def gradients(function, *arrays, **settings) -> list[np.ndarray]:
        """The gradient of the sum of the function's result by each array."""
        with Jax.precision(*arrays):
            total = lambda *arrays: function(*arrays, **settings).sum()  # noqa: E731
            return list(map(np.asarray, jax.jit(jax.grad(total, tuple(range(len(arrays)))))(*map(jnp.asarray, arrays))))

    @staticmethod
    def precision(*arrays):
        return jax.enable_x64(any(array.dtype in (np.float64, np.complex128) for array in arrays))


class Torch:
    """The same functions of auralflow_torch."""

    losses, metrics = auralflow_torch.losses, auralflow_torch.metrics
    masking, spectral = auralflow_torch.layers.front_end, auralflow_torch.spectral

    @staticmethod
    def run(function, *arrays, **settings):
        return function(*map(torch.tensor, arrays), **settings).numpy()

    @staticmethod
    def dtype(function, *arrays, dtype):
        result = function(*(torch.tensor(array).to(getattr(torch, dtype)) for array in arrays))
        return str(result.dtype).removeprefix("torch.")

    @staticmethod
    def gradients(function, *arrays, **settings):
        tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
        found = torch.autograd.grad(function(*tensors, **settings).sum(), tensors, materialize_grads=True)
        return [gradient.numpy() for gradient in found]


@pytest.fixture(params=[Jax, Torch], ids=["jax", "torch"])
def backend(request):
    """One of the two packages, for a test of a function that both have."""
    return request.param


@pytest.fixture
def backends():
    """Both, to be compared with each other."""
    return Jax, Torch
