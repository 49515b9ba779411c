import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from auralflow_jax.layers import in_parts as module


class Rows(nn.Module):
    """A dense layer on rows, all at once or in parts; with `again` once more for the gradient."""

    features: int
    again: bool = False

    @nn.compact
    def __call__(self, x):
        dense = nn.Dense(self.features)
        if self.again:
            return module.again_in_parts(dense, x, 10)
        return module.in_parts(dense, x, 10, in_place=self.features == x.shape[-1])


class Dropped(nn.Module):
    """Dropout on rows in parts."""

    @nn.compact
    def __call__(self, x):
        return module.again_in_parts(nn.Dropout(0.5), x, 10, False)


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("features", [4, 3])
@pytest.mark.parametrize("part", [1, 30, 1000])  # one row at a time; three, with two that are made up; all at once
def test_rows_in_parts_are_rows_at_once(features, part, again, monkeypatch):
    monkeypatch.setattr(module, "PART", part)
    x = np.random.default_rng(0).standard_normal((7, 4)).astype(np.float32)
    layer = Rows(features, again)
    variables = layer.init(jax.random.key(0), x)
    kernel, bias = (np.asarray(variables["params"]["Dense_0"][name]) for name in ("kernel", "bias"))
    np.testing.assert_allclose(layer.apply(variables, x), x @ kernel + bias, atol=1e-6)
    gradient = jax.grad(lambda x: layer.apply(variables, x).sum())(x)  # pyright: ignore[reportAttributeAccessIssue]
    np.testing.assert_allclose(gradient, np.broadcast_to(np.sum(kernel, 1), x.shape), atol=1e-6)


def test_parts_drop_features_of_their_own(monkeypatch):
    monkeypatch.setattr(module, "PART", 30)
    found = np.asarray(Dropped().apply({}, np.ones((6, 50), np.float32), rngs={"dropout": jax.random.key(0)}))
    assert set(found.ravel().tolist()) == {0.0, 2.0} and not np.array_equal(found[:3], found[3:])


class Counted(nn.Module):
    """The number of rows that are computed side by side, in place of each."""

    least: int

    @nn.compact
    def __call__(self, x):
        class Count(nn.Module):
            @nn.compact
            def __call__(self, rows):
                return jnp.full(len(rows), len(rows))

        return module.in_parts(Count(), x, 10, least=self.least)


@pytest.mark.parametrize(("least", "expected"), [(1, 2), (4, 4), (7, 7), (9, 7)])
def test_a_part_has_at_least_so_many_rows(least, expected, monkeypatch):
    monkeypatch.setattr(module, "PART", 20)
    found = Counted(least).apply({}, np.ones((7, 1), np.float32))
    np.testing.assert_array_equal(found, np.full(7, expected))
