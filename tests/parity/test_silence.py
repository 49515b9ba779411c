"""Silence, in all networks and both frameworks: estimates and gradients are finite."""

import jax
import numpy as np
import pytest
import torch

import bridge
from auralflow_core.config import MODELS
from auralflow_jax.models.base import abstract_variables
from auralflow_jax.models.registry import build
from auralflow_torch.models import create_model
from auralflow_torch.weights import load_state
from bridge.parity.cases import small_config
from bridge.parity.twins import random_variables


@pytest.mark.slow
@pytest.mark.parametrize("model_type", MODELS)
def test_silence_trains(model_type):
    """A crop that is silent, and one whose second half is; each sample of the estimates counts by another weight."""
    config, rng = small_config(model_type), np.random.default_rng(1)
    mixture = rng.standard_normal((2, config.model.num_channels, config.crop_samples)).astype(np.float32)
    mixture[0], mixture[1, :, config.crop_samples // 2 :] = 0, 0
    weights = rng.standard_normal((2, len(config.model.targets), *mixture.shape[1:])).astype(np.float32)
    flax, variables = build(config), random_variables(abstract_variables(config))

    def loss(params):
        audio = flax.apply({**variables, "params": params}, mixture, True, jax.random.key(0)).audio
        return (audio * weights).sum()

    value, gradients = jax.jit(jax.value_and_grad(loss))(variables["params"])
    assert np.isfinite(value) and all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients))
    assert any(np.any(leaf) for leaf in jax.tree.leaves(gradients))

    model = create_model(config).train()
    load_state(model.network, bridge.to_torch(variables))
    total = (model.estimate(torch.from_numpy(mixture)).audio * torch.from_numpy(weights)).sum()
    total.backward()
    found = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    assert total.isfinite() and all(gradient.isfinite().all() for gradient in found)
    assert any(gradient.any() for gradient in found)
