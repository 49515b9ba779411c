import pytest
import torch
from outcomes import quiet
from torch import nn
from torch.utils.data import DataLoader, DistributedSampler

from auralflow_core.errors import InputError
from auralflow_torch.losses import L1Loss, MultiResolutionSTFTLoss, as_criterion
from auralflow_torch.train.callbacks import TrainingRun
from auralflow_torch.train.trainer import ModelTrainer


def absolute_error(estimate, target):
    return (estimate - target).abs().mean()


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (nn.functional.mse_loss, "mse_loss"),
        (absolute_error, "absolute_error"),
        (lambda estimate, target: torch.mean((estimate - target) ** 2), "<lambda>"),
    ],
)
def test_losses_that_compare_two_tensors_are_refused_with_the_way_out(make_model, loss, name):
    with pytest.raises(InputError, match=rf"loss {name} compares two tensors.*losses\.as_criterion\({name}\)"):
        ModelTrainer(make_model(), loss)


def test_losses_of_torch_are_refused_before_they_broadcast_and_work_wrapped(make_model, loaders):
    model = make_model()
    with pytest.raises(
        InputError, match=r"torch\.nn\.L1Loss compares two tensors.*as_criterion\(torch\.nn\.L1Loss\(\)\)"
    ):
        ModelTrainer(model, nn.L1Loss())
    history = ModelTrainer(model, as_criterion(nn.L1Loss()), lr=0.01, console=quiet()).train(*loaders, max_epochs=4)
    assert history[-1]["valid_loss"] < history[0]["valid_loss"]


def test_losses_that_run_the_model_are_taken_without_a_trace(make_model, data):
    model, calls = make_model(), []
    own = L1Loss(model)

    def loss(mixture, target):
        calls.append(len(mixture))
        return own(mixture, target)

    before = torch.get_rng_state()
    for criterion in (own, loss, MultiResolutionSTFTLoss(model)):
        ModelTrainer(model, criterion, console=quiet())
    assert torch.equal(torch.get_rng_state(), before)
    loader = DataLoader(data, batch_size=8)
    ModelTrainer(model, loss, console=quiet()).train(loader, loader, max_epochs=1)
    assert calls[-4:] == [8, 8, 8, 8]


@pytest.mark.parametrize("ranks", [1, 2])
def test_several_ranks_need_a_loader_that_divides_the_data(make_trainer, data, monkeypatch, ranks):
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: ranks)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 0)
    whole = DataLoader(data, batch_size=4)
    divided = DataLoader(data, batch_size=4, sampler=DistributedSampler(data, num_replicas=ranks, rank=0))
    if ranks == 1:
        make_trainer().train(whole, whole, max_epochs=1)
    else:
        with pytest.raises(InputError, match=r"each of the 2 ranks .* the same data; .*DistributedSampler\(dataset\)"):
            make_trainer().train(whole, whole, max_epochs=1)
    [epoch] = make_trainer().train(divided, whole, max_epochs=1)
    assert epoch["step"] == 16 // ranks // 4


def test_a_trainer_is_the_run_that_callbacks_and_transfers_expect(make_trainer):
    wanted = {*TrainingRun.__annotations__, "averaged", "validated", "state"}
    assert {name for name in wanted if hasattr(make_trainer(), name)} == wanted
