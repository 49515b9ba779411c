"""Losses of estimates: which fields they compare, and how."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from auralflow_core.config import TrainingConfig
from auralflow_core.errors import InputError
from auralflow_jax import losses
from auralflow_jax.losses import as_criterion, make_loss
from auralflow_jax.models.base import Estimate

BATCH, TARGETS, CHANNELS, SAMPLES, BINS, FRAMES = 2, 3, 2, 2500, 5, 4


def draw(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).uniform(0, 1, shape), jnp.float32)


def described(seed, targets=TARGETS, mask=False):
    audio = draw(seed, BATCH, targets, CHANNELS, SAMPLES)
    spectrum = draw(seed + 1, BATCH, targets, CHANNELS, BINS, FRAMES)
    return Estimate(audio, spectrum, draw(seed + 2, *spectrum.shape) if mask else None)


@pytest.fixture
def parts():
    """estimate, truth, mixture"""
    return described(0, mask=True), described(10), described(30, targets=1)


def represent(audio):
    """In place of a model's: a spectrum that depends on all of the audio."""
    return Estimate(audio, jnp.abs(audio[..., : BINS * FRAMES] + audio.sum()).reshape(*audio.shape[:3], BINS, FRAMES))


def configured(**settings):
    return make_loss(TrainingConfig(**settings), represent)


def test_l1_and_l2_compare_what_the_configuration_says(parts):
    estimate, truth, _ = parts
    for domain in ("spectrum", "audio"):
        difference = np.asarray(getattr(estimate, domain)) - np.asarray(getattr(truth, domain))
        for name, expected in (("l1", np.abs(difference).mean()), ("l2", (difference**2).mean())):
            loss = configured(criterion=name, loss_domain=domain)
            assert loss.name == name and loss.needs == (domain,)
            np.testing.assert_allclose(jax.jit(loss)(*parts), expected, rtol=1e-5)


@pytest.mark.parametrize("loss_fn", ["l1", "l2"])
def test_mask_compares_every_target_with_the_one_mixture(parts, loss_fn):
    estimate, truth, mixture = (jax.tree.map(np.asarray, part) for part in parts)
    difference = np.abs(estimate.mask - np.minimum(truth.spectrum / mixture.spectrum, 1))
    loss = configured(criterion="mask", mask_loss_fn=loss_fn)
    np.testing.assert_allclose(loss(*parts), (difference ** int(loss_fn[1])).mean(), rtol=1e-5)


def test_component_masks_targets_and_residuals_with_the_configured_weights(parts):
    estimate, truth, mixture = parts
    residual = represent(mixture.audio - truth.audio)
    arrays = (estimate.mask * truth.spectrum, truth.spectrum, estimate.mask * residual.spectrum, residual.spectrum)
    for settings in ({"alpha": 0.4}, {"alpha": 0.1, "beta": 0.6, "n_components": 3}):
        loss = configured(criterion="component", **settings)
        np.testing.assert_allclose(loss(*parts), losses.component_loss(*arrays, **settings), rtol=1e-6)
    narrow = parts[0]._replace(mask=estimate.mask[:, :1])
    with pytest.raises(ValueError, match="Shape mismatch"):
        loss(narrow, *parts[1:])


def test_si_sdr_and_multi_resolution_stft_compare_audio(parts):
    estimate, truth, _ = parts
    for name, fn in (("si_sdr", losses.si_sdr_loss), ("multi_resolution_stft", losses.multi_resolution_stft_loss)):
        loss = configured(criterion=name)
        np.testing.assert_allclose(loss(*parts), fn(estimate.audio, truth.audio), rtol=1e-6)


def test_a_latent_variable_adds_its_weighted_divergence(parts):
    # The divergence of N(1, 1) from N(0, 1) is one half.
    latent = parts[0]._replace(latent=(jnp.ones((BATCH, 7)), jnp.ones((BATCH, 7))))
    loss = configured(kl_weight=0.25)
    np.testing.assert_allclose(loss(latent, *parts[1:]) - loss(*parts), 0.125, rtol=1e-5)


def test_without_weight_a_divergence_past_all_bounds_does_no_harm(parts):
    latent = parts[0]._replace(latent=(jnp.ones((BATCH, 7)), jnp.full((BATCH, 7), 1e30)))
    loss = configured(kl_weight=0)
    assert loss(latent, *parts[1:]) == loss(*parts)


def test_a_model_without_what_is_needed_is_refused_from_its_shapes_alone(parts):
    bare = jax.eval_shape(lambda estimate: estimate._replace(mask=None, spectrum=None), parts[0])
    for name, field in (("mask", "mask"), ("component", "mask"), ("l1", "spectrum")):
        loss = configured(criterion=name)
        words = f"^criterion '{name}' needs the model's {field}, and"
        with pytest.raises(InputError, match=f"{words} WaveNet has none$"):
            loss.check(bare, "WaveNet")
        with pytest.raises(InputError, match=f"{words} this model has none"):
            jax.eval_shape(loss, bare, *parts[1:])
    configured(criterion="si_sdr").check(bare, "WaveNet")
    configured(criterion="l2", loss_domain="audio").check(bare, "WaveNet")


def test_an_unknown_name_brings_the_closest():
    with pytest.raises(InputError, match="unknown criterion 'si_sdf'; did you mean 'si_sdr'"):
        configured(criterion="si_sdf")


def test_a_plain_function_compares_audio_and_nothing_is_broadcast(parts):
    estimate, truth, mixture = parts
    loss = as_criterion(optax.squared_error, kl_weight=0.25)
    assert loss.name == "squared_error" and loss.needs == ("audio",)
    expected = np.square(np.asarray(estimate.audio) - np.asarray(truth.audio)).mean()
    np.testing.assert_allclose(jax.jit(loss)(*parts), expected, rtol=1e-5)
    latent = estimate._replace(latent=(jnp.ones((BATCH, 7)), jnp.ones((BATCH, 7))))
    np.testing.assert_allclose(loss(latent, truth, mixture), expected + 0.125, rtol=1e-5)
    with pytest.raises(ValueError, match=r"Shape mismatch: got \(2, 3, 2, 2500\) and \(2, 1, 2, 2500\)"):
        loss(estimate, truth._replace(audio=truth.audio[:, :1]), mixture)


@pytest.mark.parametrize("name", ["l1", "mask", "component", "si_sdr"])
def test_losses_can_be_copied_and_pickled(parts, name):
    loss = configured(criterion=name)
    for same in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert same.name == name and same(*parts) == loss(*parts)
