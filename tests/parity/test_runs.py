"""Fifty steps in both frameworks, from the same weights and batches."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch

import bridge
from auralflow_jax import losses
from bridge.cases import small_config
from bridge.twins import make_twins

STEPS = 50
# The other families are compared over one step; AudioNetVAE is AudioNetSimple and AudioNetSimpleLSTM and more.
NETWORKS = ("SpectrogramNetSimple", "SpectrogramNetLSTM", "SpectrogramNetVAE", "AudioNetVAE", "HybridNet")


@pytest.fixture
def run_both(quick_jit):
    """Trains both twins; returns their losses, each (steps,), and their weights after it under torch's names."""
    def run_both(name, dtype, flax_optimizer, torch_optimizer):
        twins = make_twins(small_config(name), precision=np.dtype(dtype).name)
        rng = np.random.default_rng(4)
        mixtures = rng.uniform(0, 1, (STEPS, *twins.x.shape)).astype(dtype)
        targets = (mixtures * rng.uniform(0, 1, mixtures.shape)).astype(dtype)
        noise = rng.normal(size=(STEPS, 3, 2, 8)).astype(dtype)  # (batch, steps, latent) of the latent variable
        batches = list(zip(mixtures, targets, noise, strict=True))
        with jax.enable_x64(dtype == np.float64):
            ours = run_flax(twins, batches, flax_optimizer, quick_jit)
        theirs = run_torch(twins, batches, torch_optimizer(twins.torch.parameters()))
        return ours, theirs
    return run_both


def run_flax(twins, batches, optimizer, jit):
    @jit
    def step(params, stats, state, mixture, target, noise):
        def objective(params):
            (mask, latent), updated = twins.flax.apply(
                {"params": params, "batch_stats": stats}, mixture, True, noise, mutable=["batch_stats"])
            loss = jnp.mean((mask[:, 0] * mixture - target)**2)  # whatever a network estimates makes a mask here
            loss = loss if latent is None else loss + 0.01 * losses.kl_div_loss(*latent)
            return loss, updated.get("batch_stats", {})

        (loss, stats), gradients = jax.value_and_grad(objective, has_aux=True)(params)
        updates, state = optimizer.update(gradients, state, params)
        return loss, optax.apply_updates(params, updates), stats, state

    params, stats = twins.variables["params"], twins.variables["batch_stats"]
    state, curve = optimizer.init(params), []
    for batch in batches:
        loss, params, stats, state = step(params, stats, state, *batch)
        curve.append(float(loss))
    return curve, bridge.to_torch({"params": params, "batch_stats": stats})


def run_torch(twins, batches, optimizer):
    network, curve = twins.torch.train(), []
    for batch in batches:
        mixture, target, noise = map(torch.from_numpy, batch)
        if hasattr(network, "forward_with_latent"):
            mask, mu, sigma = network.forward_with_latent(mixture, noise)
            divergence = 0.01 * (mu**2 + sigma**2 - (sigma**2).log() - 1).mean() / 2
        else:
            mask, divergence = network(mixture), 0
        loss = ((mask * mixture - target)**2).mean() + divergence
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        curve.append(loss.item())
    return curve, {name: tensor.numpy() for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize("name", NETWORKS)
def test_sgd_in_float32(name, run_both):
    (ours, _), (theirs, _) = run_both(name, np.float32, optax.sgd(0.05), lambda p: torch.optim.SGD(p, 0.05))
    assert theirs[-1] < 0.9 * theirs[0]  # it does learn
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_adamw_in_float64(name, run_both):
    (ours, ours_after), (theirs, theirs_after) = run_both(
        name, np.float64, optax.adamw(1e-3, weight_decay=0.01),
        lambda p: torch.optim.AdamW(p, 1e-3, weight_decay=0.01))
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    for key, expected in theirs_after.items():
        if not key.endswith("num_batches_tracked"):
            np.testing.assert_allclose(ours_after[key], expected, rtol=1e-6, atol=1e-6, err_msg=key)
