"""The 3x3 convolution and its gradients, against torch's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from auralflow_jax.layers.kernels.conv3x3 import convolve


def make(batch, bins, channels, features):
    """Input (batch, bins, frames, channels), kernel, and the gradient of the result."""
    rng = np.random.default_rng(0)
    shapes = (batch, bins, 3, channels), (3, 3, channels, features), (batch, bins, 3, features)
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


def of_torch(x, kernel, gradient):
    """The result and the gradients of input and kernel, in float64 and our order of axes."""
    x, kernel = (torch.from_numpy(array).double().requires_grad_() for array in (x, kernel))
    out = torch.nn.functional.conv2d(x.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), padding=1).permute(0, 2, 3, 1)
    out.backward(torch.from_numpy(gradient).double())
    return [array.numpy() for array in (out.detach(), x.grad, kernel.grad)]


def ours(x, kernel, gradient):
    out, pull = jax.vjp(convolve, x, kernel)
    return out, *pull(gradient)


def assert_close(ours, theirs, tolerance):
    """To a share of the largest value."""
    for array, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(array.astype(np.float32), other, rtol=0, atol=tolerance * np.abs(other).max())


# One channel; bands of whole batches; bands of single pictures, as high as a few parts allow; a last one that is short.
@pytest.mark.parametrize(
    "batch, bins, channels, features",
    [(2, 9, 1, 4), (2, 160, 2, 3), (1, 160, 32, 32), (3, 300, 32, 33), (16, 9, 32, 32)],
)
def test_float32(batch, bins, channels, features):
    arrays = make(batch, bins, channels, features)
    assert_close(jax.jit(ours)(*arrays), of_torch(*arrays), 2e-6)


def test_bfloat16():
    arrays = [np.asarray(jnp.asarray(array, jnp.bfloat16), np.float32) for array in make(3, 160, 32, 32)]
    result = jax.jit(ours)(*(jnp.asarray(array, jnp.bfloat16) for array in arrays))
    assert all(array.dtype == jnp.bfloat16 for array in result)
    assert_close(result, of_torch(*arrays), 2.0**-6)  # parts are summed in bfloat16


def test_vmap():
    arrays = [np.stack(pair) for pair in zip(make(2, 160, 32, 32), make(2, 160, 32, 32), strict=True)]
    arrays[0][1] *= 2
    result = jax.jit(jax.vmap(ours))(*arrays)
    for index in range(2):
        assert_close([array[index] for array in result], of_torch(*(array[index] for array in arrays)), 2e-6)


def test_forward_mode_is_the_transpose_of_reverse_mode():
    x, kernel, gradient = make(2, 160, 32, 32)
    directions = make(2, 160, 32, 32)[:2]
    directions[0] *= np.float32(-0.5)
    tangent = jax.jit(lambda *both: jax.jvp(convolve, (x, kernel), both))(*directions)[1]
    _, *gradients = of_torch(x, kernel, gradient)
    expected = sum(np.vdot(one, other) for one, other in zip(gradients, directions, strict=True))
    assert np.vdot(gradient.astype(np.float64), tangent) == pytest.approx(expected, rel=1e-5)
