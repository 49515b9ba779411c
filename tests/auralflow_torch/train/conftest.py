import pytest
import torch
from outcomes import quiet
from torch.utils.data import DataLoader, TensorDataset

from auralflow_torch.losses import L1Loss
from auralflow_torch.train.trainer import ModelTrainer


@pytest.fixture
def data():
    """Sixteen examples of noise, the target a filtered part of it."""
    rng = torch.Generator().manual_seed(0)
    mixture = torch.rand(16, 1, 600, generator=rng) - 0.5
    return TensorDataset(mixture, 0.5 * (mixture + mixture.roll(1, -1)).unsqueeze(-1))


@pytest.fixture
def loaders(data):
    return DataLoader(data, batch_size=4, shuffle=True), DataLoader(data, batch_size=8)


@pytest.fixture
def make_trainer(make_model):
    """`make_trainer(name, model settings, **settings of the trainer)`, with a quiet console in `console.file`."""

    def make(name="SpectrogramNetSimple", model=None, **settings):
        model = make_model(name, **{"dropout_p": 0.2} | (model or {}))
        criterion = settings.pop("criterion", L1Loss)(model)
        settings = {"lr": 0.01, "warmup_steps": 2, "callbacks": (), "console": quiet()} | settings
        return ModelTrainer(model, criterion, **settings)

    return make
