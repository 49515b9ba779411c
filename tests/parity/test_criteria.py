"""The loss that a configuration names, in both packages: the same number for the same estimate."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import auralflow_jax.losses
import auralflow_jax.models.registry
import auralflow_torch.losses
from auralflow_core.config import TrainingConfig, from_dict
from auralflow_jax.models.base import Estimate
from auralflow_jax.train.step import compare
from auralflow_torch.models import create_model
from auralflow_torch.models.base import Estimate as TorchEstimate

CONFIG = from_dict(
    {
        "model": {
            "model_type": "SpectrogramNetVAE",
            "targets": ["drums", "vocals"],
            "num_channels": 2,
            "num_fft": 256,
            "window_size": 256,
            "hop_length": 96,
            "num_bins": 100,
            "hidden_channels": 2,
            "depth": 1,
        },
        "dataset": {"sample_length": 0.1},
    }
)


@pytest.mark.parametrize(
    "settings",
    [
        {"criterion": "l1"},
        {"criterion": "l2"},
        {"criterion": "l1", "loss_domain": "audio"},
        {"criterion": "l2", "loss_domain": "audio", "kl_weight": 0.5},
        {"criterion": "mask"},
        {"criterion": "mask", "mask_loss_fn": "l2"},
        {"criterion": "component", "alpha": 0.4},
        {"criterion": "component", "alpha": 0.1, "beta": 0.6, "n_components": 3},
        {"criterion": "si_sdr"},
        {"criterion": "multi_resolution_stft"},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_the_same_estimate_has_the_same_loss(settings):
    rng, samples = np.random.default_rng(0), 2500
    mixture, targets = rng.uniform(-1, 1, (3, 2, samples)), rng.uniform(-1, 1, (3, 2, 2, samples))
    audio, latent = rng.uniform(-1, 1, targets.shape), rng.uniform(0.1, 1, (2, 3, 4, 5))
    spectrum, mask = rng.uniform(0, 1, (2, 3, 2, 2, 129, 28))
    training = TrainingConfig(**settings)

    model = auralflow_jax.models.registry.build(CONFIG)
    loss = auralflow_jax.losses.make_loss(training, model.represent)
    with jax.enable_x64(True):
        estimate = Estimate(*map(jnp.asarray, (audio, spectrum, mask)), tuple(map(jnp.asarray, latent)))
        batch = {"mixture": jnp.asarray(mixture), "targets": jnp.asarray(targets)}
        ours = jax.jit(lambda estimate, batch: compare(model, loss, estimate, batch))(estimate, batch)

    twin = create_model(CONFIG)
    twin.estimate = lambda mixture: TorchEstimate(  # pyright: ignore[reportAttributeAccessIssue]
        *map(torch.tensor, (audio, spectrum, mask)), tuple(map(torch.tensor, latent))
    )
    criterion = auralflow_torch.losses.Criterion(twin, auralflow_torch.losses.make_loss(training, twin.represent))
    theirs = criterion(torch.tensor(mixture), torch.tensor(np.moveaxis(targets, 1, -1)))
    assert theirs.dtype == torch.float64
    np.testing.assert_allclose(ours, theirs, rtol=1e-10)
