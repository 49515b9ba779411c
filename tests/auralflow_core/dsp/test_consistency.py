import jax
import jax.numpy as jnp
import numpy as np
import pytest

from auralflow_core.dsp.consistency import mixture_consistency


def song(seed=0, batch=()):
    rng = np.random.default_rng(seed)
    estimates = 0.1 * rng.standard_normal((*batch, 3, 2, 500))
    return estimates, estimates.sum(-3) + 0.02 * rng.standard_normal((*batch, 2, 500))


@pytest.mark.parametrize("by_energy", [False, True])
def test_estimates_add_up_to_the_mixture(by_energy):
    estimates, mixture = song(batch=(2,))
    np.testing.assert_allclose(mixture_consistency(estimates, mixture, by_energy).sum(-3), mixture, atol=1e-15)
    single = mixture_consistency(estimates.astype(np.float32), mixture.astype(np.float32), by_energy)
    assert single.dtype == np.float32 and single.shape == estimates.shape
    np.testing.assert_allclose(single.sum(-3, dtype=np.float64), mixture, atol=1e-7)


def test_equal_shares_are_the_smallest_change():
    estimates, mixture = song()
    # The nearest point of {x: sum of x = mixture}, from the constraint's pseudoinverse.
    constraint = np.ones((1, 3))
    step = np.linalg.pinv(constraint) @ (mixture - estimates.sum(0)).reshape(1, -1)
    np.testing.assert_allclose(mixture_consistency(estimates, mixture), estimates + step.reshape(3, 2, 500), atol=1e-15)


def test_shares_by_energy():
    estimates = np.stack([np.full((1, 4), 3.0), np.full((1, 4), 1.0)])
    result = mixture_consistency(estimates, np.full((1, 4), 14.0), by_energy=True)
    np.testing.assert_allclose(result, np.stack([np.full((1, 4), 12.0), np.full((1, 4), 2.0)]), rtol=1e-9)
    silent = mixture_consistency(np.zeros((2, 1, 4)), np.ones((1, 4)), by_energy=True)
    np.testing.assert_array_equal(silent, np.full((2, 1, 4), 0.5))


@pytest.mark.parametrize("by_energy", [False, True])
def test_jax_and_torch_do_the_same(by_energy):
    estimates, mixture = (part.astype(np.float32) for part in song())
    expected = mixture_consistency(estimates, mixture, by_energy)
    result = jax.jit(mixture_consistency, static_argnums=2)(jnp.asarray(estimates), jnp.asarray(mixture), by_energy)
    np.testing.assert_allclose(result, expected, atol=1e-7)
    torch = pytest.importorskip("torch")
    leaf = torch.tensor(estimates, requires_grad=True)
    result = mixture_consistency(leaf, torch.tensor(mixture), by_energy)
    np.testing.assert_allclose(result.detach(), expected, atol=1e-7)
    result.sum().backward()
    np.testing.assert_allclose(leaf.grad, 0, atol=1e-5)  # whatever the estimates, the sum is the mixture


def test_shapes_must_fit():
    estimates, mixture = song()
    with pytest.raises(ValueError, match=r"got \(3, 2, 500\) and \(2, 499\)"):
        mixture_consistency(estimates, mixture[:, 1:])
