import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from jax.test_util import check_grads

from auralflow_jax import losses

TARGET = np.array([3, -0.5, 2, 7], np.float32)
ESTIMATE = np.array([2.5, 0, 2, 8], np.float32)

three = functools.partial(losses.component_loss, alpha=0.3, beta=0.5, n_components=3)
short = functools.partial(losses.multi_resolution_stft_loss, resolutions=((64, 24, 40),))
# Every loss with the number of arrays that it compares.
ALL = {"l1": (losses.l1, 2), "l2": (losses.l2, 2), "mask l1": (losses.mask_loss, 3),
       "mask l2": (functools.partial(losses.mask_loss, loss_fn="l2"), 3), "component 2": (losses.component_loss, 4),
       "component 3": (three, 4), "si_sdr": (losses.si_sdr_loss, 2), "stft": (short, 2), "kl": (losses.kl_div_loss, 2)}


def draw(*shape, seed=0, low=0.0):
    return np.random.default_rng(seed).uniform(low, 1, shape).astype(np.float32)


def unit(array):
    return array / np.sqrt(np.sum(array**2, axis=tuple(range(1, array.ndim)), keepdims=True))


def test_l1_and_l2_of_four_numbers():
    assert jax.jit(losses.l1)(ESTIMATE, TARGET) == 0.5
    assert jax.jit(losses.l2)(ESTIMATE, TARGET) == 0.375


def test_the_ideal_mask_is_a_ratio_between_zero_and_one():
    target = jnp.array([0, 1, 2, 4, 1, 0], jnp.float32)
    mixture = jnp.array([0, 4, 4, 2, 0, 3], jnp.float32)
    ideal = np.array([0, 0.25, 0.5, 1, 1, 0])
    mask = np.array([0.5, 0.5, 0.5, 0.5, 0, 0.25], np.float32)
    np.testing.assert_allclose(losses.mask_loss(mask, target, mixture), np.mean(np.abs(mask - ideal)), rtol=1e-6)
    np.testing.assert_allclose(losses.mask_loss(mask, target, mixture, "l2"), np.mean((mask - ideal) ** 2), rtol=1e-6)
    with pytest.raises(ValueError, match="loss_fn must be one of l1, l2, got 'huber'"):
        losses.mask_loss(mask, target, mixture, "huber")


def test_the_components_loss_is_its_formula():
    fs, ts, fr, tr = (draw(3, 2, 5, 4, seed=seed).astype(np.float64) for seed in range(4))
    source, noise = np.mean((fs - ts) ** 2), np.mean(fr**2)
    colour = np.mean((unit(fr) - unit(tr)) ** 2)
    two = losses.component_loss(*map(jnp.float32, (fs, ts, fr, tr)), alpha=0.3)
    np.testing.assert_allclose(two, 0.7 * source + 0.3 * noise, rtol=1e-6)
    np.testing.assert_allclose(three(*map(jnp.float32, (fs, ts, fr, tr))),
                               0.2 * source + 0.3 * noise + 0.5 * colour, rtol=1e-6)


def test_component_weights_and_numbers_that_make_no_loss_are_refused():
    arrays = [jnp.ones((2, 3))] * 4
    with pytest.raises(ValueError, match="less than 1 with 3 components, got 0.2 \\+ 0.8"):
        losses.component_loss(*arrays, n_components=3)
    with pytest.raises(ValueError, match="n_components must be 2 or 3, got 4"):
        losses.component_loss(*arrays, n_components=4)
    assert np.isfinite(losses.component_loss(*arrays, alpha=0.2, beta=0.8))  # with two, beta is unused


def test_si_sdr_is_minus_the_published_constant_and_blind_to_scale():
    estimate, target = ESTIMATE.reshape(1, 1, 2, 2), TARGET.reshape(1, 1, 2, 2)
    np.testing.assert_allclose(losses.si_sdr_loss(estimate, target), -18.4030, atol=1e-4)
    np.testing.assert_allclose(losses.si_sdr_loss(3 * estimate, target), -18.4030, atol=1e-4)


def test_si_sdr_averages_decibels_of_signals_that_span_the_channels():
    target, noise = draw(3, 2, 2, 500, seed=1, low=-1), draw(3, 2, 2, 500, seed=2, low=-1)
    estimate = noise + target * np.float32([0.5, 5])[:, None, None]
    expected = []
    for s, e in zip(target.reshape(6, -1).astype(np.float64), estimate.reshape(6, -1).astype(np.float64), strict=True):
        part = (e @ s) / (s @ s) * s
        expected.append(10 * np.log10((part @ part) / ((part - e) @ (part - e))))
    np.testing.assert_allclose(losses.si_sdr_loss(estimate, target), -np.mean(expected), rtol=1e-5)


def test_si_sdr_of_silence_is_the_level_above_the_floor():
    silence, loud = jnp.zeros((1, 1, 2, 100)), jnp.full((1, 1, 2, 100), 0.1)
    assert losses.si_sdr_loss(silence, silence) == 0
    assert losses.si_sdr_loss(silence, loud) == 0
    np.testing.assert_allclose(losses.si_sdr_loss(loud, silence), 60, atol=1e-4)  # 0.01 against 1e-8
    gradient = jax.grad(losses.si_sdr_loss)(loud, silence)
    assert np.isfinite(gradient).all() and (gradient > 0).all()  # the estimate should become softer


def test_the_multi_resolution_loss_agrees_with_its_formula_in_torch():
    estimate, target = draw(2, 1, 2, 9000, seed=1, low=-1), draw(2, 1, 2, 9000, seed=2, low=-1)
    terms = []
    for num_fft, hop, size in ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240)):
        ours, theirs = (torch.stft(torch.from_numpy(audio).reshape(4, -1), num_fft, hop, size, torch.hann_window(size),
                                   pad_mode="reflect", return_complex=True).abs().clamp(min=1e-7**0.5)
                        for audio in (estimate, target))
        convergence = torch.linalg.norm(theirs - ours) / torch.linalg.norm(theirs)
        terms.append(convergence + torch.nn.functional.l1_loss(ours.log(), theirs.log()))
    np.testing.assert_allclose(losses.multi_resolution_stft_loss(estimate, target), sum(terms) / 3, rtol=1e-5)
    np.testing.assert_allclose(losses.multi_resolution_stft_loss(target, target), 0, atol=1e-5)


def test_the_kl_divergence_is_that_of_two_normal_distributions():
    mu, sigma = draw(4, 5, seed=1, low=-1), draw(4, 5, seed=2, low=0.1)
    normal = torch.distributions.Normal
    expected = torch.distributions.kl_divergence(normal(torch.from_numpy(mu), torch.from_numpy(sigma)), normal(0., 1.))
    np.testing.assert_allclose(losses.kl_div_loss(mu, sigma), expected.mean(), rtol=1e-5)
    np.testing.assert_allclose(losses.kl_div_loss(jnp.zeros(3), jnp.zeros(3)), (1e-12 - np.log(1e-12) - 1) / 2,
                               rtol=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_broadcast(name):
    loss, count = ALL[name]
    with pytest.raises(ValueError, match=r"^Shape mismatch: got \(4,\) and \(4, 1\)( and \(4,\))*\.$"):
        loss(jnp.ones(4), jnp.ones((4, 1)), *[jnp.ones(4)] * (count - 2))
    with pytest.raises(ValueError, match="Shape mismatch"):
        loss(*[jnp.ones((2, 1, 3, 200))] * (count - 1), jnp.ones((2, 2, 3, 200)))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("where", ["estimate", "truth", "all"])
def test_silence_has_a_finite_value_and_gradient(name, where):
    loss, count = ALL[name]
    arrays = [draw(2, 1, 2, 200, seed=seed) for seed in range(count)]
    for index in range(count):
        if where == "all" or (index == 0) == (where == "estimate"):
            arrays[index] = np.zeros_like(arrays[index])
    value, gradients = jax.jit(jax.value_and_grad(loss, argnums=tuple(range(count))))(*arrays)
    assert value.shape == () and np.isfinite(value)
    assert all(np.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32, jnp.float64])
def test_the_dtype_is_kept(name, dtype):
    loss, count = ALL[name]
    with jax.enable_x64(dtype == jnp.float64):
        arrays = [jnp.asarray(draw(2, 1, 2, 200, seed=seed), dtype) for seed in range(count)]
        value, gradient = jax.eval_shape(jax.value_and_grad(loss), *arrays)
        assert value.dtype == dtype and gradient.dtype == dtype


@pytest.mark.parametrize("name", sorted(set(ALL) - {"stft", "mask l1", "mask l2"}))
def test_gradients_agree_with_finite_differences(name):
    loss, count = ALL[name]
    with jax.enable_x64(True):
        arrays = [jnp.asarray(draw(2, 1, 2, 5, seed=seed, low=0.1), jnp.float64) for seed in range(count)]
        check_grads(loss, arrays, order=1, modes=["rev"], rtol=1e-5)
