import jax
import numpy as np
import pytest
from flax import linen as nn

from auralflow_jax.layers import in_parts as module


class Rows(nn.Module):
    """A dense layer on rows, all at once or in parts."""

    features: int

    @nn.compact
    def __call__(self, x):
        return module.in_parts(nn.Dense(self.features), x, 10, in_place=self.features == x.shape[-1])


@pytest.mark.parametrize("features", [4, 3])
@pytest.mark.parametrize("part", [1, 30, 1000])  # one row at a time; three, with two that are made up; all at once
def test_rows_in_parts_are_rows_at_once(features, part, monkeypatch):
    monkeypatch.setattr(module, "PART", part)
    x = np.random.default_rng(0).standard_normal((7, 4)).astype(np.float32)
    layer = Rows(features)
    variables = layer.init(jax.random.key(0), x)
    kernel, bias = (np.asarray(variables["params"]["Dense_0"][name]) for name in ("kernel", "bias"))
    np.testing.assert_allclose(layer.apply(variables, x), x @ kernel + bias, atol=1e-6)
    gradient = jax.grad(lambda x: layer.apply(variables, x).sum())(x)  # pyright: ignore[reportAttributeAccessIssue]
    np.testing.assert_allclose(gradient, np.broadcast_to(np.sum(kernel, 1), x.shape), atol=1e-6)
