import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from msgspec.structs import replace

from auralflow_jax import networks
from auralflow_jax.networks.masking import extend, join

MASKS = np.random.default_rng(0).uniform(-2, 2, (2, 3, 2, 4, 5)).astype(np.float32)  # batch, targets, channels, ...


def test_masks_are_joined_over_the_targets():
    softmax = torch.softmax(torch.from_numpy(MASKS), dim=1)
    np.testing.assert_allclose(join(MASKS, "softmax"), softmax, rtol=1e-5)
    np.testing.assert_allclose(join(MASKS, "ratio"), MASKS**2 / (MASKS**2).sum(1, keepdims=True), rtol=1e-5)
    np.testing.assert_array_equal(join(MASKS, "independent"), MASKS)


def test_where_no_target_claims_a_bin_none_gets_it():
    assert not np.any(join(np.zeros_like(MASKS), "ratio"))
    gradient = jax.grad(lambda mask: join(mask, "ratio").sum())(jnp.zeros_like(MASKS))
    assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize(("high_bins", "above"), [
    ("zeros", np.zeros((2, 3, 2, 1, 5))), ("last", MASKS[..., -1:, :]), ("mean", MASKS.mean(-2, keepdims=True))])
def test_masks_continue_above_what_the_network_sees(high_bins, above):
    whole = np.asarray(extend(MASKS, 7, high_bins))
    np.testing.assert_array_equal(whole[..., :4, :], MASKS)
    np.testing.assert_allclose(whole[..., 4:, :], np.broadcast_to(above, (2, 3, 2, 3, 5)), rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(extend(MASKS, 4, high_bins), MASKS)


@pytest.mark.parametrize(("joiner", "high_bins"), [("softmax", "zeros"), ("ratio", "mean")])
def test_a_stereo_model_of_two_targets_keeps_the_contract(tiny_config, joiner, high_bins):
    config = replace(tiny_config, model=replace(tiny_config.model, targets=("vocals", "drums"), num_channels=2,
                                                joiner=joiner, high_bins=high_bins))
    model = networks.build(config)
    variables = jax.jit(model.init, static_argnums=1)(jax.random.key(0), 6000)
    mixture = np.random.default_rng(1).standard_normal((3, 2, 5999)).astype(np.float32)
    estimate = jax.jit(model.apply)(variables, mixture)
    truth = model.describe(jnp.asarray(estimate.audio))
    assert estimate.audio.shape == (3, 2, 2, 5999)
    assert estimate.mask.shape == estimate.spectrum.shape == truth.spectrum.shape == (3, 2, 2, 129, 64)
    assert estimate.latent is None
    mask = np.asarray(estimate.mask)
    assert np.all((mask >= 0) & (mask <= 1))
    np.testing.assert_allclose(mask[..., :100, :].sum(1), 1, atol=1e-4)  # the targets share all that the network sees
    np.testing.assert_allclose(mask[..., 100:, :].sum(1), 0 if high_bins == "zeros" else 1, atol=1e-4)
