import jax
import jax.numpy as jnp
import numpy as np
import pytest

from auralflow_core.config import TrainingConfig
from auralflow_core.errors import InputError
from auralflow_jax.losses import functional as losses
from auralflow_jax.losses.criteria import make_criterion
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
    """estimate, truth, residual, mixture"""
    return described(0, mask=True), described(10), described(20), described(30, targets=1)


def test_l1_and_l2_compare_what_the_configuration_says(parts):
    estimate, truth, *_ = parts
    for domain in ("spectrum", "audio"):
        difference = np.asarray(getattr(estimate, domain)) - np.asarray(getattr(truth, domain))
        for name, expected in (("l1", np.abs(difference).mean()), ("l2", (difference**2).mean())):
            criterion = make_criterion(TrainingConfig(criterion=name, loss_domain=domain))
            assert criterion.name == name and criterion.needs == (domain,)
            np.testing.assert_allclose(jax.jit(criterion)(*parts), expected, rtol=1e-5)


@pytest.mark.parametrize("loss_fn", ["l1", "l2"])
def test_mask_compares_every_target_with_the_one_mixture(parts, loss_fn):
    estimate, truth, _, mixture = map(lambda part: jax.tree.map(np.asarray, part), parts)
    difference = np.abs(estimate.mask - np.minimum(truth.spectrum / mixture.spectrum, 1))
    criterion = make_criterion(TrainingConfig(criterion="mask", mask_loss_fn=loss_fn))
    np.testing.assert_allclose(criterion(*parts), (difference ** int(loss_fn[1])).mean(), rtol=1e-5)


def test_component_masks_targets_and_residuals_with_the_configured_weights(parts):
    estimate, truth, residual, _ = parts
    arrays = (estimate.mask * truth.spectrum, truth.spectrum, estimate.mask * residual.spectrum, residual.spectrum)
    for settings in ({"alpha": 0.4}, {"alpha": 0.1, "beta": 0.6, "n_components": 3}):
        criterion = make_criterion(TrainingConfig(criterion="component", **settings))
        np.testing.assert_allclose(criterion(*parts), losses.component_loss(*arrays, **settings), rtol=1e-6)
    narrow = parts[0]._replace(mask=estimate.mask[:, :1])
    with pytest.raises(ValueError, match="Shape mismatch"):
        criterion(narrow, *parts[1:])


def test_si_sdr_and_multi_resolution_stft_compare_audio(parts):
    estimate, truth, *_ = parts
    for name, loss in (("si_sdr", losses.si_sdr_loss), ("multi_resolution_stft", losses.multi_resolution_stft_loss)):
        criterion = make_criterion(TrainingConfig(criterion=name))
        np.testing.assert_allclose(criterion(*parts), loss(estimate.audio, truth.audio), rtol=1e-6)


def test_a_latent_variable_adds_its_weighted_divergence(parts):
    # The divergence of N(1, 1) from N(0, 1) is one half.
    latent = parts[0]._replace(latent=(jnp.ones((BATCH, 7)), jnp.ones((BATCH, 7))))
    criterion = make_criterion(TrainingConfig(kl_weight=0.25))
    np.testing.assert_allclose(criterion(latent, *parts[1:]) - criterion(*parts), 0.125, rtol=1e-5)


def test_without_weight_a_divergence_past_all_bounds_does_no_harm(parts):
    latent = parts[0]._replace(latent=(jnp.ones((BATCH, 7)), jnp.full((BATCH, 7), 1e30)))
    criterion = make_criterion(TrainingConfig(kl_weight=0))
    assert criterion(latent, *parts[1:]) == criterion(*parts)


def test_a_model_without_what_is_needed_is_refused_from_its_shapes_alone(parts):
    bare = jax.eval_shape(lambda estimate: estimate._replace(mask=None, spectrum=None), parts[0])
    for name, field in (("mask", "mask"), ("component", "mask"), ("l1", "spectrum")):
        with pytest.raises(InputError, match=f"^criterion '{name}' needs the model's {field}, and WaveNet has none$"):
            make_criterion(TrainingConfig(criterion=name)).check(bare, "WaveNet")
    make_criterion(TrainingConfig(criterion="si_sdr")).check(bare, "WaveNet")
    make_criterion(TrainingConfig(criterion="l2", loss_domain="audio")).check(bare, "WaveNet")


def test_an_unknown_name_brings_the_closest():
    with pytest.raises(InputError, match="unknown criterion 'si_sdf'; did you mean 'si_sdr'"):
        make_criterion(TrainingConfig(criterion="si_sdf"))
