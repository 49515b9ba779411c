import jax
import jax.numpy as jnp
import numpy as np
import pytest
from msgspec.structs import replace

from auralflow_jax.models.registry import build


@pytest.mark.parametrize(("joiner", "high_bins"), [("softmax", "zeros"), ("ratio", "mean")])
def test_a_stereo_model_of_two_targets_keeps_the_contract(tiny_config, joiner, high_bins):
    config = replace(
        tiny_config,
        model=replace(
            tiny_config.model, targets=("vocals", "drums"), num_channels=2, joiner=joiner, high_bins=high_bins
        ),
    )
    model = build(config)
    variables = jax.jit(model.init, static_argnums=1)(jax.random.key(0), 6000)
    mixture = np.random.default_rng(1).standard_normal((3, 2, 5999)).astype(np.float32)
    estimate = jax.jit(model.apply)(variables, mixture)
    truth = model.represent(jnp.asarray(estimate.audio))
    assert estimate.audio.shape == (3, 2, 2, 5999)
    assert estimate.mask.shape == estimate.spectrum.shape == truth.spectrum.shape == (3, 2, 2, 129, 64)
    assert estimate.latent is None
    mask = np.asarray(estimate.mask)
    assert np.all((mask >= 0) & (mask <= 1))
    np.testing.assert_allclose(mask[..., :100, :].sum(1), 1, atol=1e-4)  # the targets share all that the network sees
    np.testing.assert_allclose(mask[..., 100:, :].sum(1), 0 if high_bins == "zeros" else 1, atol=1e-4)
