"""The convolutions in forms that suit the CPU, against torch's own, with their gradients."""

import jax
import numpy as np
import pytest
import torch
import torch.nn.functional as F

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
def test_results_and_gradients_are_torchs(ours, theirs, shape, kernel, quick_jit):
    rng = np.random.default_rng(0)
    x, kernel = (rng.normal(size=size).astype(np.float32) for size in (shape, kernel))
    leaves = [
        torch.tensor(array.transpose(axes), requires_grad=True)
        for array, axes in ((x, (0, 3, 1, 2)), (kernel, (3, 2, 0, 1)))
    ]
    expected = theirs(*leaves)
    cotangent = rng.normal(size=expected.shape).astype(np.float32)
    expected.backward(torch.from_numpy(cotangent))

    @quick_jit
    def run(*arguments):
        result, pull = jax.vjp(ours, *arguments)
        return result, *pull(cotangent.transpose(0, 2, 3, 1))

    result, of_x, of_kernel = run(x, kernel)
    for found, reference in (
        (np.transpose(result, (0, 3, 1, 2)), expected.detach()),
        (np.transpose(of_x, (0, 3, 1, 2)), leaves[0].grad),
        (np.transpose(of_kernel, (3, 2, 0, 1)), leaves[1].grad),
    ):
        np.testing.assert_allclose(found, np.asarray(reference), rtol=0, atol=1e-6 * max(1, reference.abs().max()))
