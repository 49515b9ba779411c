"""The convolutions in forms that suit the CPU, against torch's own, with their gradients."""

import jax
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tolerance import references

from auralflow_jax.layers.kernels import conv5x5 as strided


def torch_halve(x, kernel):
    return F.conv2d(F.pad(x, (1, 2, 1, 2)), kernel, stride=2)


def torch_double(x, kernel):
    return F.conv_transpose2d(x, kernel, stride=2)[..., 1:-2, 1:-2]


def torch_dilate(x, kernel):
    return F.conv2d(x, kernel, dilation=2, padding=3)


@pytest.mark.parametrize(
    ("ours", "theirs", "shape", "kernel"),
    [
        (strided.halve, torch_halve, (2, 12, 6, 3), (5, 5, 3, 4)),
        (strided.halve, torch_halve, (2, 140, 6, 3), (5, 5, 3, 4)),  # a picture of more bins takes the other form
        (strided.double, torch_double, (2, 5, 7, 3), (5, 5, 4, 3)),
        (strided.dilate, torch_dilate, (2, 9, 8, 1), (4, 4, 1, 2)),
    ],
)
def test_results_and_gradients_are_torchs(ours, theirs, shape, kernel):
    """Both take and return JAX's axes: (batch, bins, frames, channels), (height, width, inputs, outputs)."""
    rng = np.random.default_rng(0)
    x, kernel = (rng.normal(size=size).astype(np.float32) for size in (shape, kernel))
    cotangent = rng.normal(size=jax.eval_shape(ours, x, kernel).shape).astype(np.float32)

    def run_torch(x, kernel, cotangent):
        leaves = [
            torch.tensor(array.transpose(axes), requires_grad=True)
            for array, axes in ((x, (0, 3, 1, 2)), (kernel, (3, 2, 0, 1)))
        ]
        result = theirs(*leaves)
        result.backward(torch.from_numpy(cotangent.transpose(0, 3, 1, 2)))
        to_image, to_kernel = (0, 2, 3, 1), (2, 3, 1, 0)
        return [
            part.numpy(force=True).transpose(axes)
            for part, axes in ((result, to_image), (leaves[0].grad, to_image), (leaves[1].grad, to_kernel))
        ]

    @jax.jit
    def run(x, kernel, cotangent):
        result, pull = jax.vjp(ours, x, kernel)
        return result, *pull(cotangent)

    for found, reference in zip(run(x, kernel, cotangent), references(run_torch, x, kernel, cotangent), strict=True):
        assert reference.tolerance <= 1e-5 * np.abs(reference.exact).max()
        reference.check(found)
