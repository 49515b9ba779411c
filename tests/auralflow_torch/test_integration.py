"""Separation models inside other people's programs."""

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from auralflow_torch.data import AudioFolder
from auralflow_torch.losses import L1Loss, WeightedComponentLoss
from auralflow_torch.models import SpectrogramMaskModel


@pytest.fixture
def pairs():
    """Batches (mixture, target) in which the target is the low half of the band."""
    generator = torch.Generator().manual_seed(0)
    low = torch.nn.functional.avg_pool1d(torch.randn(6, 1, 4 * 600 + 8, generator=generator), 9, 1)
    high = torch.randn(low.shape, generator=generator).diff(dim=-1, append=low[..., :1]) / 3
    return [
        (low[..., start : start + 600] + high[..., start : start + 600], low[..., start : start + 600])
        for start in range(0, 2400, 600)
    ]


def test_a_loop_of_ones_own(make_model, pairs):
    model = make_model(dropout_p=0.0).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(12):
        for mixture, target in pairs:
            estimate = model.estimate(mixture).audio[:, 0]
            loss = nn.functional.l1_loss(estimate, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert sum(losses[-4:]) < 0.7 * sum(losses[:4])


class Magnitudes(nn.Module):
    """Audio to magnitudes, with a transform of its own."""

    def forward(self, audio):
        window = torch.hann_window(64)
        return torch.stft(audio.flatten(0, 1), 64, 24, window=window, return_complex=True).abs().unsqueeze(1)


def test_inside_a_sequential(model, audio):
    pipeline = nn.Sequential(Magnitudes(), model, nn.Flatten(2)).eval()
    assert pipeline(audio).shape == (2, 1, 33 * 26)
    torch.testing.assert_close(pipeline(audio), model(Magnitudes()(audio)).flatten(2))
    assert set(pipeline.state_dict()) == {f"1.{name}" for name in model.state_dict()}
    pipeline.train()(audio).mean().backward()
    assert all(array.grad is not None for array in model.parameters())


class VocalsModule(nn.Module):
    """A module shaped like a LightningModule: the model and the criterion in it, hooks that a trainer calls."""

    def __init__(self, model: SpectrogramMaskModel):
        super().__init__()
        self.model = model
        self.criterion = WeightedComponentLoss(model, alpha=0.2, beta=0.8)
        self.logged = {}

    def log(self, name, value):
        self.logged.setdefault(name, []).append(float(value.detach()))

    def training_step(self, batch, batch_index):
        loss = self.criterion(*batch)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, batch_index):
        mixture, target = batch
        self.log("valid_loss", self.criterion(mixture, target))
        assert self.model.separate(mixture).shape == target.shape

    def predict_step(self, batch, batch_index):
        return self.model.separate(batch[0])

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=0.02)
        return {"optimizer": optimizer, "lr_scheduler": torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)}


def fit(module, batches, epochs):
    """Calls the hooks in the order in which Lightning's trainer calls them."""
    settings = module.configure_optimizers()
    optimizer, scheduler = settings["optimizer"], settings["lr_scheduler"]
    for _ in range(epochs):
        module.train()
        for index, batch in enumerate(batches):
            loss = module.training_step(batch, index)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()
        module.eval()
        with torch.no_grad():
            for index, batch in enumerate(batches):
                module.validation_step(batch, index)


def test_the_pattern_of_lightning_modules(make_model, pairs):
    model = make_model("SpectrogramNetLSTM")
    module = VocalsModule(model)
    assert len(list(module.parameters())) == len(list(model.parameters()))
    assert set(module.state_dict()) == {f"model.{name}" for name in model.state_dict()}  # no second copy
    fit(module, pairs, epochs=5)
    assert len(module.logged["train_loss"]) == len(module.logged["valid_loss"]) == 20
    assert sum(module.logged["valid_loss"][-4:]) < 0.9 * sum(module.logged["train_loss"][:4])
    assert module.predict_step(pairs[0], 0).shape == pairs[0][0].shape


def test_batches_of_two_workers(make_model, songs):
    model = make_model(num_channels=2, targets=["drums", "vocals"])
    dataset = AudioFolder(
        songs, targets=["drums", "vocals"], sample_length=0.25, sample_rate=8000, num_channels=2, samples_per_epoch=8
    )
    loader = DataLoader(dataset, batch_size=2, num_workers=2)
    criterion, optimizer = L1Loss(model), torch.optim.SGD(model.parameters(), lr=0.1)
    before, seen = [array.detach().clone() for array in model.parameters()], 0
    for mixture, target in loader:
        assert mixture.shape == (2, 2, 2000) and target.shape == (2, 2, 2000, 2)
        optimizer.zero_grad()
        criterion(mixture, target).backward()
        optimizer.step()
        seen += len(mixture)
    assert seen == 8 and any(not torch.equal(*both) for both in zip(before, model.parameters(), strict=True))
