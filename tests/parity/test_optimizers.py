"""Optimizers of auralflow_jax beside those of torch."""

import jax
import numpy as np
import pytest
import torch

from auralflow_core.config import TrainingConfig
from auralflow_jax.train.optimizer import make_optimizer, update


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch.optim.Muon came with torch 2.9")
@pytest.mark.parametrize("shape", [(6, 4), (4, 7)])
def test_muon_is_torch_s(shape):
    """Torch computes the rounds in bfloat16, which has three digits."""
    rng = np.random.default_rng(0)
    weight, *gradients = (rng.standard_normal(shape).astype(np.float32) for _ in range(6))
    settings = {"lr": 0.1, "weight_decay": 0.3, "warmup_steps": 0, "lr_schedule": "constant"}
    training = TrainingConfig(optimizer="muon", max_grad_norm=1e9, **settings)
    optimizer, params = make_optimizer(training, 100), {"kernel": weight}
    theirs = torch.nn.Parameter(torch.from_numpy(weight.copy()))
    torch_muon = torch.optim.Muon([theirs], lr=0.1, weight_decay=0.3, adjust_lr_fn="match_rms_adamw")
    state = optimizer.init(params)
    for gradient in gradients:
        updates, state = update(optimizer, {"kernel": gradient}, state, params)
        params = jax.tree.map(np.add, params, updates)
        theirs.grad = torch.from_numpy(gradient)
        torch_muon.step()
        np.testing.assert_allclose(params["kernel"], theirs.detach().numpy(), atol=5e-3)
