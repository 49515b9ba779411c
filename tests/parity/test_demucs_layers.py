"""The layers of Demucs on their own, to 1e-6, and the derivatives that are written out."""

import jax
import numpy as np
import pytest
import torch
import torch.nn.functional as F

import bridge
from auralflow_jax.layers import local_attention as flax_attention
from auralflow_jax.layers import norms as flax_norms
from auralflow_jax.layers import windowed_recurrent as flax_windows
from auralflow_jax.layers.gelu import gelu
from auralflow_torch.layers import local_attention, windowed_recurrent
from bridge.parity.twins import random_variables


def assert_close(ours, theirs):
    """To 1e-6 of the largest value."""
    theirs = theirs.detach().numpy()
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6 * np.abs(theirs).max())


def compare(flax, layer, steps, channels):
    """Output and gradient of a flax layer on (rows, steps, channels) and a torch layer on (rows, channels, steps)."""
    x = np.random.default_rng(steps).normal(size=(2, steps, channels)).astype(np.float32)
    direction = np.random.default_rng(1).normal(size=x.shape).astype(np.float32)
    variables = random_variables(jax.eval_shape(lambda x: flax.init(jax.random.key(0), x), x))
    layer.load_state_dict({key: torch.from_numpy(array) for key, array in bridge.to_torch(variables).items()})
    tensor = torch.from_numpy(x).transpose(1, 2).requires_grad_()
    theirs = layer(tensor)
    theirs.backward(torch.from_numpy(direction).transpose(1, 2))

    def both(variables, x):
        found, back = jax.vjp(lambda x: flax.apply(variables, x), x)
        return found, back(direction)[0]

    ours, gradient = jax.jit(both)(variables, x)
    assert_close(ours, theirs.transpose(1, 2))
    assert tensor.grad is not None
    assert_close(gradient, tensor.grad.transpose(1, 2))


@pytest.mark.parametrize("groups", [1, 2])
def test_group_norm(groups):
    compare(flax_norms.GroupNorm(groups), torch.nn.GroupNorm(groups, 6), 5, 6)


def test_local_attention():
    compare(flax_attention.LocalAttention(), local_attention.LocalAttention(8), 9, 8)


@pytest.mark.parametrize("steps", [200, 201, 350])
def test_recurrent_layers_on_windows(steps):
    flax = flax_windows.WindowedRecurrent(3, num_layers=2)
    compare(flax, windowed_recurrent.WindowedRecurrent(3), steps, 3)


def test_gelu_and_its_derivative():
    x = np.float32([-30, -6, -1.5, -1e-3, 0, 1e-3, 0.7, 4, 30])
    tensor = torch.from_numpy(x).requires_grad_()
    theirs = F.gelu(tensor)
    theirs.sum().backward()
    assert tensor.grad is not None
    np.testing.assert_allclose(gelu(x), theirs.detach(), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(jax.grad(lambda x: gelu(x).sum())(x), tensor.grad, rtol=1e-6, atol=1e-7)
