import jax.numpy as jnp
import numpy as np

from auralflow_core.evaluation import track as evaluation
from auralflow_jax.metrics.si_sdr import si_sdr_from_sums


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_sums_over_pieces_give_the_whole_signals_figure():
    target, estimate = noise(3, 2, 1000), noise(3, 2, 1000, seed=1)
    estimate += 5 * target
    sums = jnp.zeros((3, 3))
    for start in range(0, 1000, 300):
        t, e = target[..., start : start + 300], estimate[..., start : start + 300]
        sums += jnp.stack([(e * t).sum((1, 2)), (t**2).sum((1, 2)), (e**2).sum((1, 2))])
    expected = [evaluation.si_sdr(*pair) for pair in zip(estimate, target, strict=True)]
    np.testing.assert_allclose(si_sdr_from_sums(*sums), expected, atol=1e-3)


def test_sums_of_a_silent_target():
    assert np.isnan(si_sdr_from_sums(jnp.float32(0), jnp.float32(0), jnp.float32(1)))
