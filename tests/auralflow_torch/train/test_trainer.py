import copy
import math

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from outcomes import assert_same_outcome, outcome, quiet, same, timeless, weights
from roformer_files import MEL
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from auralflow_core.config import TrainingConfig, from_dict
from auralflow_core.errors import DivergedError, InputError
from auralflow_core.training.schedule import plateau
from auralflow_torch.losses import KLDivergenceLoss, L1Loss
from auralflow_torch.models import create_model
from auralflow_torch.train.trainer import ModelTrainer


@pytest.mark.parametrize("decay", [0.0, 0.4])
def test_a_run_is_the_loop_that_one_would_write(make_trainer, make_model, data, decay):
    loader = DataLoader(data, batch_size=4)
    trainer = make_trainer(
        model={"dropout_p": 0.0}, weight_decay=0.1, max_grad_norm=0.02, warmup_steps=3, ema_decay=decay
    )
    history = trainer.train(loader, loader, max_epochs=3)

    model = make_model(dropout_p=0.0)
    criterion, optimizer = L1Loss(model), torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    average = copy.deepcopy(model.network.state_dict())
    rates, losses, validation = [0.0025, 0.005, 0.0075] + 9 * [0.01], [], []
    for epoch in range(3):
        model.train()
        for step, (mixture, target) in enumerate(loader):
            optimizer.param_groups[0]["lr"] = rates[4 * epoch + step]
            optimizer.zero_grad()
            loss = criterion(mixture, target)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.02)
            optimizer.step()
            losses.append(loss.item())
            share = min(decay, (1 + len(validation) * 4 + step) / (10 + len(validation) * 4 + step))
            for name, tensor in model.network.state_dict().items():
                average[name] = share * average[name] + (1 - share) * tensor if tensor.is_floating_point() else tensor
        other = copy.deepcopy(model).eval()
        other.network.load_state_dict(average)
        with torch.no_grad():
            validation.append(np.mean([L1Loss(other)(mixture, target).item() for mixture, target in loader]))
    assert [epoch["valid_loss"] for epoch in history] == pytest.approx(validation, rel=1e-6)
    assert [epoch["train_loss"] for epoch in history] == pytest.approx(np.reshape(losses, (3, 4)).mean(1), rel=1e-6)
    assert [(epoch["epoch"], epoch["step"], epoch["lr"]) for epoch in history] == [
        (1, 4, 0.01),
        (2, 8, 0.01),
        (3, 12, 0.01),
    ]
    assert same(weights(trainer), model.network.state_dict()) and trainer.step == 12
    with trainer.averaged():
        torch.testing.assert_close(weights(trainer), dict(average))
    assert same(weights(trainer), model.network.state_dict())  # the raw ones are back
    assert (trainer.average is None) == (decay == 0)


@pytest.mark.parametrize("kind", ["own generator", "2 workers"])
def test_a_run_that_is_resumed_ends_with_the_same_bits(make_trainer, data, tmp_path, kind):
    def run(folder, *max_epochs):
        options = {"num_workers": 2} if kind == "2 workers" else {"generator": torch.Generator().manual_seed(3)}
        loaders = DataLoader(data, batch_size=4, shuffle=True, **options), DataLoader(data, batch_size=8)
        for epochs in max_epochs:
            torch.manual_seed(epochs)  # whatever happened since
            trainer = make_trainer(
                "SpectrogramNetVAE", criterion=KLDivergenceLoss, folder=tmp_path / folder, lr_patience=1
            )
            trainer.train(*loaders, max_epochs=epochs)
            if kind == "own generator":
                loaders[0].generator.manual_seed(9)
        return outcome(trainer)

    whole = run("whole", 4)
    assert_same_outcome(run("parts", 1, 3, 4), whole)
    assert whole["history"][0]["train_loss"] != whole["history"][1]["train_loss"]


def test_the_same_trainer_goes_on_and_starts_over(make_trainer, data):
    loader = DataLoader(data, batch_size=4)
    trainer, other = make_trainer(model={"dropout_p": 0.0}), make_trainer(model={"dropout_p": 0.0})
    trainer.train(loader, loader, max_epochs=1)
    other.train(loader, loader, max_epochs=2)
    assert timeless(trainer.train(loader, loader, max_epochs=2)) == timeless(other.history)
    trainer.model.load_state_dict(make_trainer().model.state_dict())
    assert timeless(trainer.train(loader, loader, max_epochs=2, resume=False)) == timeless(other.history)


def test_a_new_run_moves_the_old_one_aside(make_trainer, loaders, tmp_path):
    make_trainer(folder=tmp_path).train(*loaders, max_epochs=1)
    trainer = make_trainer(folder=tmp_path)
    history = trainer.train(*loaders, max_epochs=2, resume=False)
    assert len(history) == 2 and (tmp_path / "earlier-runs" / "1" / "checkpoint" / "last.pt").exists()
    assert "The earlier run now lies in" in trainer.console.file.getvalue()


def test_the_rate_falls_and_the_run_stops_by_the_rules_of_jax(make_trainer, loaders, monkeypatch):
    losses = [3.0, 2.0, 2.5, 2.0, 1.9, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]
    trainer = make_trainer(lr_patience=2, lr_decay=0.5, max_lr_steps=2, stop_patience=9, warmup_steps=0)
    monkeypatch.setattr(trainer, "validate", lambda loader: losses[len(trainer.history)])
    history = trainer.train(*loaders, max_epochs=20)
    training = TrainingConfig(lr_patience=2, lr_decay=0.5, max_lr_steps=2)
    rates = [0.01 * plateau(losses[:epoch], training)[0] for epoch in range(len(history))]
    assert [epoch["lr"] for epoch in history] == pytest.approx(rates) and rates[-1] == 0.0025
    assert len(history) == 9 and "max_lr_steps" in trainer.console.file.getvalue()  # the third reduction would be next


def test_a_run_stops_early(make_trainer, loaders):
    trainer = make_trainer(lr=1e-30, weight_decay=0.0, stop_patience=3, model={"dropout_p": 0.0})
    # Weights that stand still, but statistics that move: validation on those of the first epoch would be no test.
    for module in trainer.model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.0
    history = trainer.train(*loaders, max_epochs=50)
    assert len(history) == 4 and "no better validation loss in 3 epochs" in trainer.console.file.getvalue()


def test_schedulers_and_optimizers_of_the_caller(make_model, loaders):
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.1)
    trainer = ModelTrainer(model, L1Loss(model), optimizer, scheduler, console=quiet(), lr_patience=1)
    history = trainer.train(*loaders, max_epochs=3)
    assert [epoch["lr"] for epoch in history] == pytest.approx([0.1, 0.01, 0.001])  # without a warm-up
    assert trainer.optimizer is optimizer and trainer.scheduler is scheduler


def test_the_cosine_falls_to_zero(make_trainer, loaders):
    history = make_trainer(lr_schedule="cosine", max_epochs=4, warmup_steps=0).train(*loaders)
    assert [epoch["lr"] for epoch in history] == pytest.approx(
        [0.005 * (1 + math.cos(math.pi * epoch / 4)) for epoch in range(4)]
    )


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision(make_trainer, data, tmp_path, precision):
    loader = DataLoader(data, batch_size=4)
    full, mixed = (
        make_trainer(precision=kind, model={"dropout_p": 0.0}, folder=tmp_path / kind)
        for kind in ("float32", precision)
    )
    seen = set()
    mixed.model.network.head.register_forward_hook(lambda module, inputs, output: seen.add(output.dtype))
    expected, found = (trainer.train(loader, loader, max_epochs=3) for trainer in (full, mixed))
    assert seen == {getattr(torch, precision)}
    assert all(tensor.dtype != getattr(torch, precision) for tensor in mixed.model.state_dict().values())
    np.testing.assert_allclose(
        [epoch["valid_loss"] for epoch in found], [epoch["valid_loss"] for epoch in expected], rtol=0.05
    )
    assert not same(weights(full), weights(mixed)) and found[2]["train_loss"] < found[0]["train_loss"]
    saved = torch.load(mixed.folder.last, weights_only=True)["state"]["parts"]["scaler"]
    assert bool(saved) == (precision == "float16")
    again = make_trainer(precision=precision, model={"dropout_p": 0.0}, folder=tmp_path / precision)
    assert len(again.train(loader, loader, max_epochs=4)) == 4


@pytest.mark.parametrize("bad", ["training", "validation"])
def test_a_loss_that_is_not_finite_ends_the_run(make_trainer, data, tmp_path, bad):
    broken = TensorDataset(data.tensors[0], torch.full_like(data.tensors[1], torch.nan))
    good = DataLoader(data, batch_size=4)
    loaders = (DataLoader(broken, batch_size=4), good) if bad == "training" else (good, DataLoader(broken))
    words = "the loss of step 1 is nan" if bad == "training" else "validation loss after step 4 is nan"
    with pytest.raises(DivergedError, match=f"{words}; there is no checkpoint yet; try a smaller training.lr"):
        make_trainer(folder=tmp_path).train(*loaders, max_epochs=1)
    make_trainer(folder=tmp_path).train(good, good, max_epochs=1)
    with pytest.raises(DivergedError, match="the last good checkpoint is that of epoch 1") as caught:
        make_trainer(folder=tmp_path).train(*loaders, max_epochs=2)
    assert (caught.value.step, caught.value.checkpoint) == (5 if bad == "training" else 8, 1)


def test_loaders_without_a_length_and_plain_lists(make_trainer, data):
    mixture, target = data.tensors
    batches = [(mixture[:4], target[:4]), (mixture[4:6], target[4:6, ..., 0])]
    trainer = make_trainer()
    assert [epoch["step"] for epoch in trainer.train(batches, batches, max_epochs=2)] == [2, 4]

    class Endless:
        def __iter__(self):
            return iter(batches)

    other = make_trainer()
    other.train(Endless(), Endless(), max_epochs=2)
    assert timeless(other.history) == timeless(trainer.history)
    for loaders in (([], batches), (batches, [])):
        with pytest.raises(InputError, match="loader gave 0 batches"):
            make_trainer().train(*loaders, max_epochs=1)


def test_datasets_are_told_the_epoch(make_trainer, data):
    told = []

    class Told(TensorDataset):
        def set_epoch(self, epoch):
            told.append(epoch)

    loader = DataLoader(Told(*data.tensors), batch_size=8)
    make_trainer().train(loader, loader, max_epochs=2)
    assert told == [1, 0, 2, 0]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"learning_rate": 1}, "unknown setting 'learning_rate'; .*lr"),
        ({"lr": -1.0}, r"training\.lr: expected .* got -1"),
        ({"precision": "half"}, "unknown precision 'half'"),
        ({"lr_schedule": "step"}, "unknown value 'step'"),
        ({"batch_size": 4}, "unknown setting 'batch_size'"),
    ],
)
def test_settings_that_cannot_be_are_refused(make_trainer, settings, words):
    with pytest.raises(InputError, match=words):
        make_trainer(**settings)


def test_callbacks_say_what_they_need(make_trainer, loaders):
    from auralflow_torch.train.trainer import Norms, Scalars, Snippets

    for callback in (Norms(), Scalars(), Snippets()):
        with pytest.raises(InputError, match=f"callback {type(callback).__name__} .*folder"):
            make_trainer(callbacks=[callback]).train(*loaders, max_epochs=1)


def test_the_gradients_of_parts_are_those_of_the_whole_batch():
    """Of a network without statistics of batches; the last batch of a loader may be one that cannot be divided."""
    config = from_dict({"model": MEL | {"model_name": "m"}, "dataset": {"sample_length": 0.2}})
    rng = torch.Generator().manual_seed(0)
    mixture, target = (torch.rand(6, 2, config.crop_samples, generator=rng) - 0.5 for _ in range(2))
    found, sizes = [], []
    for parts in (1, 4, 100):
        torch.manual_seed(1)
        model = create_model(config)
        sgd = torch.optim.SGD(model.parameters(), lr=0.0)
        trainer = ModelTrainer(model, L1Loss(model), sgd, accumulate_steps=parts)
        split = model.network.get_submodule("split")
        split.register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])))
        loss, norm = trainer.train_step(mixture, target)
        gradients = [parameter.grad for parameter in model.parameters()]
        found.append((float(loss), float(norm), gradients))
        assert trainer.step == 1
    assert sizes == [6, 2, 2, 1, 1] + 6 * [1]
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=1e-4, atol=1e-7)


def test_settings_of_jax_alone_are_refused(make_model):
    model = make_model()
    with pytest.raises(InputError, match="ModelTrainer trains all weights, got lora_rank 4, expected 0"):
        ModelTrainer(model, L1Loss(model), lora_rank=4)
    model.config = replace(model.config, training=replace(model.config.training, optimizer="muon"))
    with pytest.raises(InputError, match=r"training\.optimizer is muon, with which `auralflow train` trains in JAX"):
        ModelTrainer(model, L1Loss(model))
    ModelTrainer(model, L1Loss(model), torch.optim.SGD(model.parameters(), 0.1))
