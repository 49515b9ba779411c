"""The losses as modules around a model."""

import copy
import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from auralflow_core.config import TrainingConfig
from auralflow_core.errors import InputError
from auralflow_torch import losses
from auralflow_torch.losses.criteria import bind, targets_first
from auralflow_torch.models.base import Estimate

CRITERIA = {
    "L1Loss": {},
    "L2Loss": {},
    "MaskLoss": {},
    "WeightedComponentLoss": {"alpha": 0.2, "beta": 0.8},
    "SISDRLoss": {},
    "MultiResolutionSTFTLoss": {},
}
SAMPLES = 2500  # more than half of the longest transform of MultiResolutionSTFTLoss


def draw(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) - 0.5


def make(name, model, **settings):
    return getattr(losses, name)(model, **(CRITERIA.get(name, {}) | settings))


@pytest.fixture
def two_targets(make_model):
    return make_model(targets=["vocals", "drums"], num_channels=2)


@pytest.mark.parametrize("name", CRITERIA)
def test_the_loss_is_a_scalar_that_trains_every_weight(name, two_targets):
    criterion = make(name, two_targets.train())
    loss = criterion(draw(3, 2, SAMPLES), draw(3, 2, SAMPLES, 2, seed=1))
    assert loss.shape == () and loss.dtype == torch.float32 and loss.isfinite()
    loss.backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in two_targets.parameters())
    assert any(weight.grad.any() for weight in two_targets.parameters())


@pytest.mark.parametrize("name", ["L1Loss", "WeightedComponentLoss", "SISDRLoss"])
@pytest.mark.parametrize("kind", ["SpectrogramNetLSTM", "SpectrogramNetVAE", "SpleeterNet"])
def test_other_kinds_of_models_train(name, kind, make_model, audio):
    model = make_model(kind)
    mixture = audio.expand(-1, model.config.model.num_channels, -1)
    loss = make(name, model.train())(mixture, torch.stack([mixture / 2] * len(model.targets), dim=-1))
    loss.backward()
    assert loss.isfinite() and any(weight.grad is not None and weight.grad.any() for weight in model.parameters())


@pytest.mark.parametrize("name", CRITERIA)
def test_the_targets_are_compared_in_the_models_order(name, two_targets):
    criterion, mixture = make(name, two_targets.eval()), draw(3, 2, SAMPLES)
    target = draw(3, 2, SAMPLES, 2, seed=1) * torch.tensor([1, 0.1])
    swapped = copy.deepcopy(two_targets)
    with torch.no_grad():  # the head's channels: drums, left and right, vocals, left and right
        for parameter in swapped.network.head.parameters():
            parameter.copy_(parameter[[2, 3, 0, 1]])
        ours = criterion(mixture, target)
        torch.testing.assert_close(make(name, swapped)(mixture, target.flip(-1)), ours)
        assert abs(ours - criterion(mixture, target.flip(-1))) > 1e-4


@pytest.mark.parametrize("name", CRITERIA)
def test_one_target_needs_no_axis(name, make_model):
    criterion, mixture, target = make(name, make_model().eval()), draw(2, 1, SAMPLES), draw(2, 1, SAMPLES, seed=1)
    assert torch.equal(criterion(mixture, target), criterion(mixture, target[..., None]))


def test_shapes_that_do_not_fit_are_refused(make_model, two_targets):
    mixture = draw(2, 2, SAMPLES)
    for target in (draw(2, 2, SAMPLES - 1, 2), draw(2, 2, 2, SAMPLES), draw(2, SAMPLES)):
        with pytest.raises(InputError, match=r"\(batch, channels, samples, targets\).*got \(2, 2, 2500\) and"):
            losses.L1Loss(two_targets)(mixture, target)
    with pytest.raises(InputError, match=r"got \(2, 2500\) and \(2, 2500\)"):
        losses.L1Loss(make_model())(draw(2, SAMPLES), draw(2, SAMPLES))
    with pytest.raises(InputError, match="the model estimates 2 targets, and target_audio holds 1"):
        losses.L1Loss(two_targets)(mixture, mixture)


def test_the_axis_of_the_targets_moves_to_where_models_have_it():
    target = draw(2, 1, 5, 3)
    np.testing.assert_array_equal(targets_first(target, target[..., 0]), np.moveaxis(target.numpy(), 3, 1))
    np.testing.assert_array_equal(targets_first(target[..., 0], target[..., 0]), target[:, None, ..., 0])


@pytest.mark.parametrize("name", [*CRITERIA, "KLDivergenceLoss"])
def test_a_latent_variable_adds_its_divergence(name, make_model):
    model = make_model("SpectrogramNetVAE").eval()
    mixture, target = draw(2, 1, SAMPLES), draw(2, 1, SAMPLES, seed=1)
    _, mu, sigma = model.network.forward_with_latent(model.to_spectrogram(mixture).abs()[:, :, :29])
    normal = torch.distributions.Normal
    divergence = torch.distributions.kl_divergence(normal(mu, sigma), normal(0.0, 1.0)).mean().detach()
    none, half, whole = (
        make(name, model, **settings)(mixture, target).detach()
        for settings in ({"kl_weight": 0.0}, {"kl_weight": 0.5}, {})
    )
    torch.testing.assert_close(half - none, divergence / 2, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(whole - none, divergence, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("KLDivergenceLoss", {}),
        ("KLDivergenceLoss", {"loss_fn": "l2"}),
        ("WeightedComponentLoss", {}),
        ("SISDRLoss", {}),
    ],
)
def test_the_divergence_trains_sigma(name, settings, make_model):
    # In evaluation the reconstruction does not depend on sigma: what gradient there is, is the divergence's.
    model = make_model("SpectrogramNetVAE").eval()
    mixture, target = draw(2, 1, SAMPLES), draw(2, 1, SAMPLES, seed=1)
    make(name, model, **settings)(mixture, target).backward()
    layer = model.network.variational.to_sigma
    _, (_, sigma) = model.network.estimate(model.to_spectrogram(mixture).abs()[:, :, :29])
    # The derivative of (sigma^2 - ln sigma^2) / 2 by sigma, and of a softplus s by its argument: 1 - exp(-s).
    expected = (sigma - 1 / sigma) * -torch.expm1(-sigma) / sigma.numel()
    torch.testing.assert_close(layer.bias.grad, expected.sum((0, 1)), rtol=1e-4, atol=1e-7)
    assert layer.weight.grad.any()


def test_without_regularizer_there_is_none(make_model):
    model = make_model("SpectrogramNetVAE").eval()
    criterion = losses.WeightedComponentLoss(model, 0.2, 0.8, regularizer=False)
    criterion(draw(2, 1, SAMPLES), draw(2, 1, SAMPLES, seed=1)).backward()
    gradient = model.network.variational.to_sigma.weight.grad
    assert gradient is None or not gradient.any()


def test_the_divergence_alone_needs_a_latent_variable(make_model):
    criterion = losses.KLDivergenceLoss(make_model())
    with pytest.raises(InputError, match="'KLDivergenceLoss' needs the model's latent, and Spectrogram.* has none"):
        criterion(draw(2, 1, SAMPLES), draw(2, 1, SAMPLES))


def test_a_model_of_waveforms_has_no_mask():
    class Halver(nn.Module):
        def estimate(self, mixture, noise=None):
            return Estimate(mixture[:, None] / 2)

        def represent(self, audio):
            return Estimate(audio)

    mixture = draw(2, 1, SAMPLES)
    for name in ("MaskLoss", "WeightedComponentLoss"):
        with pytest.raises(InputError, match=f"'{name}' needs the model's mask, and Halver has none"):
            make(name, Halver())(mixture, mixture)
    torch.testing.assert_close(losses.L1Loss(Halver(), "audio")(mixture, mixture), mixture.abs().mean() / 2)
    torch.testing.assert_close(losses.L2Loss(Halver(), "audio")(mixture, mixture), F.mse_loss(mixture / 2, mixture))


def test_settings_that_make_no_loss_are_refused_at_once(make_model):
    model = make_model()
    with pytest.raises(InputError, match="unknown loss_fn 'l3'; did you mean"):
        losses.MaskLoss(model, loss_fn="l3")
    with pytest.raises(InputError, match="unknown loss_fn 'huber'; known: l1, l2"):
        losses.KLDivergenceLoss(model, "huber")
    with pytest.raises(InputError, match="unknown domain 'spectra'; did you mean 'spectrum'"):
        losses.L1Loss(model, "spectra")
    with pytest.raises(InputError, match="less than 1 with 3 components"):
        losses.WeightedComponentLoss(model, 0.2, 0.8, n_components=3)
    with pytest.raises(InputError, match="unknown criterion 'si_sdf'; did you mean 'si_sdr'"):
        losses.make_loss(TrainingConfig(criterion="si_sdf"), model.represent)


@pytest.mark.parametrize("name", CRITERIA)
def test_mixed_precision_trains(name, make_model):
    model = make_model("SpectrogramNetVAE").train()
    with torch.autocast("cpu", torch.bfloat16):
        loss = make(name, model)(draw(2, 1, SAMPLES), draw(2, 1, SAMPLES, seed=1))
    loss.backward()
    assert loss.isfinite() and all(weight.grad.isfinite().all() for weight in model.parameters())


def test_float16_has_room_for_silence():
    silence = torch.zeros(2, 1, 2, 3000, dtype=torch.float16, requires_grad=True)
    for loss in (losses.si_sdr_loss, losses.kl_div_loss, losses.multi_resolution_stft_loss):
        value = loss(silence, silence)
        assert value.isfinite() and value.dtype == torch.float16
        assert torch.autograd.grad(value, silence)[0].isfinite().all()


def test_a_criterion_uses_its_model_and_does_not_own_it(two_targets):
    criterion = losses.WeightedComponentLoss(two_targets.train())
    assert not list(criterion.parameters()) and not criterion.state_dict() and criterion.model is two_targets
    criterion.eval()
    assert two_targets.training
    both = nn.ModuleDict({"model": two_targets, "criterion": criterion})
    assert set(both.state_dict()) == {f"model.{name}" for name in two_targets.state_dict()}


@pytest.mark.parametrize("name", ["MaskLoss", "WeightedComponentLoss"])
def test_copies_and_pickles_hold_a_model_apart(name, two_targets):
    criterion, mixture, target = make(name, two_targets.eval()), draw(3, 2, SAMPLES), draw(3, 2, SAMPLES, 2, seed=1)
    expected = criterion(mixture, target)
    for same in (copy.deepcopy(criterion), pickle.loads(pickle.dumps(criterion))):
        torch.testing.assert_close(same(mixture, target), expected, rtol=0, atol=0)
        with torch.no_grad():
            for parameter in same.model.parameters():
                parameter.add_(1)
        assert same(mixture, target) != expected
    torch.testing.assert_close(criterion(mixture, target), expected, rtol=0, atol=0)
    module = copy.deepcopy(nn.ModuleDict({"model": two_targets, "criterion": criterion}))
    assert module["criterion"].model is module["model"] is not two_targets


def test_a_module_with_the_model_has_the_same_loss_and_owns_it(two_targets):
    criterion, mixture, target = losses.L1Loss(two_targets.eval()), draw(3, 2, SAMPLES), draw(3, 2, SAMPLES, 2, seed=1)
    module = criterion.with_model()
    assert list(module.parameters()) == list(two_targets.parameters())
    torch.testing.assert_close(module(mixture, target), criterion(mixture, target), rtol=0, atol=0)


def test_replicas_of_a_criterion_alone_are_refused(two_targets):
    # DataParallel copies a module for each device like this: the copy's model would be the one on the first device.
    mixture, target = draw(3, 2, SAMPLES), draw(3, 2, SAMPLES, 2, seed=1)
    replica = losses.L1Loss(two_targets)._replicate_for_data_parallel()
    with pytest.raises(InputError, match=r"DataParallel goes around criterion.with_model\(\)"):
        replica(mixture, target)
    losses.L1Loss(two_targets).with_model()._replicate_for_data_parallel()(mixture, target).backward()


def test_a_plain_function_compares_audio_and_nothing_is_broadcast(two_targets):
    mixture, target = draw(3, 2, SAMPLES), draw(3, 2, SAMPLES, 2, seed=1)
    estimate, truth = two_targets.eval().estimate(mixture), Estimate(target.movedim(-1, 1))
    for fn in (nn.L1Loss(), nn.L1Loss(reduction="none"), F.l1_loss):
        loss = losses.as_criterion(fn)
        assert loss.needs == ("audio",) and loss.name in ("L1Loss", "l1_loss")
        expected = (estimate.audio - truth.audio).abs().mean()
        torch.testing.assert_close(loss(estimate, truth, Estimate(mixture[:, None])), expected)
        torch.testing.assert_close(losses.Criterion(two_targets, loss)(mixture, target), expected)
    with pytest.raises(ValueError, match=r"Shape mismatch: got \(3, 2, 2, 2500\) and \(3, 1, 2, 2500\)"):
        loss(estimate, Estimate(truth.audio[:, :1]), Estimate(mixture[:, None]))


def test_a_trainers_criterion_of_each_kind_of_loss(two_targets):
    criterion = losses.L1Loss(two_targets)
    assert bind(two_targets, criterion) is criterion
    for own in (lambda mixture, target: target.sum(), nn.DataParallel(criterion.with_model())):
        assert bind(two_targets, own) is own
    mixture, target = draw(3, 2, SAMPLES), draw(3, 2, SAMPLES, 2, seed=1)
    seen = bind(two_targets, lambda estimate, truth, mixture: (estimate, truth, mixture))(mixture, target)
    assert [part.spectrum.shape[1] for part in seen] == [2, 2, 1]  # pyright: ignore[reportAttributeAccessIssue]
    torch.testing.assert_close(seen[1].audio, target.movedim(-1, 1), rtol=0, atol=0)  # pyright: ignore[reportAttributeAccessIssue]
    torch.testing.assert_close(seen[2].audio[:, 0], mixture, rtol=0, atol=0)  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(
        InputError, match=r"torch.nn.L1Loss compares two tensors, .* as_criterion\(torch.nn.L1Loss\(\)\)"
    ):
        bind(two_targets, nn.L1Loss())
