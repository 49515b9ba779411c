"""Fifty steps in both frameworks, from the same weights and batches."""

import jax
import numpy as np
import optax
import pytest
import torch

from auralflow_core.weights.names import COUNTER
from bridge.parity.cases import small_config
from bridge.parity.trajectory import draw_batches, flax_run, torch_run
from bridge.parity.twins import make_twins

STEPS = 50
# The other families are compared over one step; AudioNetVAE is AudioNetSimple and AudioNetSimpleLSTM and more.
NETWORKS = ("SpectrogramNetSimple", "SpectrogramNetLSTM", "SpectrogramNetVAE", "AudioNetVAE", "HybridNet")


@pytest.mark.parametrize("name", NETWORKS)
def test_sgd_in_float32(name):
    twins = make_twins(small_config(name))
    batches = draw_batches(twins, STEPS)
    ours = flax_run(twins, batches, optax.sgd(0.05))
    theirs = torch_run(twins, batches, torch.optim.SGD(twins.torch.parameters(), 0.05))
    assert theirs.losses[-1] < 0.9 * theirs.losses[0]  # it does learn
    np.testing.assert_allclose(ours.losses, theirs.losses, rtol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_adamw_in_float64(name):
    twins = make_twins(small_config(name), precision="float64")
    batches = draw_batches(twins, STEPS)
    with jax.enable_x64(True):
        ours = flax_run(twins, batches, optax.adamw(1e-3, weight_decay=0.01))
    theirs = torch_run(twins, batches, torch.optim.AdamW(twins.torch.parameters(), 1e-3, weight_decay=0.01))
    np.testing.assert_allclose(ours.losses, theirs.losses, rtol=1e-6)
    for key, expected in theirs.state.items():
        if not key.endswith(COUNTER):
            np.testing.assert_allclose(ours.state[key], expected, rtol=1e-6, atol=1e-6, err_msg=key)
