"""The documented examples of losses, on tensors that gradients can go back to."""

import numpy as np
import pytest
import torch

SHAPE = (16, 512, 173, 1)


def test_the_component_loss():
    from auralflow.losses import component_loss

    filtered_source = torch.rand(SHAPE, requires_grad=True)
    target = torch.rand(SHAPE)
    filtered_residual = torch.rand(SHAPE, requires_grad=True)
    residual = torch.rand(SHAPE)
    loss = component_loss(
        filtered_src=filtered_source,
        target_src=target,
        filtered_res=filtered_residual,
        target_res=residual,
        alpha=0.2,
        beta=0.8,
    )
    loss.backward()
    source, noise = filtered_source.detach().double().numpy(), filtered_residual.detach().double().numpy()
    expected = 0.8 * np.square(source - target.numpy()).mean() + 0.2 * np.square(noise).mean()
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    torch.testing.assert_close(filtered_residual.grad, 0.4 * filtered_residual.detach() / filtered_residual.numel())


def test_the_divergence_beside_a_reconstruction():
    from torch.nn.functional import l1_loss

    from auralflow.losses import kl_div_loss

    mu = torch.rand((16, 256, 256)).float().requires_grad_()
    sigma = torch.rand((16, 256, 256)).float().requires_grad_()
    estimate_spec = torch.rand(SHAPE, requires_grad=True)
    target_spec = torch.rand(SHAPE)
    kl_term = kl_div_loss(mu, sigma)
    recon_term = l1_loss(estimate_spec, target_spec)
    (kl_term + recon_term).backward()
    assert all(tensor.grad.isfinite().all() and tensor.grad.any() for tensor in (mu, sigma, estimate_spec))
    approximating, standard = torch.distributions.Normal(mu, sigma), torch.distributions.Normal(0.0, 1.0)
    expected = torch.distributions.kl_divergence(approximating, standard).mean()
    assert kl_term.item() == pytest.approx(expected.item(), rel=1e-4)


@pytest.mark.parametrize("name", ["SpectrogramNetSimple", "SpectrogramNetVAE"])
def test_the_same_as_instances_around_a_model(name):
    from auralflow.losses import KLDivergenceLoss, WeightedComponentLoss
    from auralflow.models import SpectrogramMaskModel

    model = SpectrogramMaskModel(
        {"model": {"model_type": name, "hidden_channels": 2, "num_bins": 256}, "dataset": {"sample_length": 0.5}}
    )
    mixture, target = torch.rand(2, 1, 22050) - 0.5, torch.rand(2, 1, 22050, 1) - 0.5
    criteria = [WeightedComponentLoss(model, 0.2, 0.8, regularizer=True)]
    if name == "SpectrogramNetVAE":
        criteria.append(KLDivergenceLoss(model, loss_fn="l1"))
    for criterion in criteria:
        model.zero_grad()
        criterion(mixture, target).backward()
        assert all(array.grad is not None and array.grad.isfinite().all() for array in model.parameters())
