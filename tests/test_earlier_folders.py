"""Model folders of version 0.1.0 still load, separate, train on and convert; see tests/data/earlier."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from outcomes import quiet
from torch.utils.data import DataLoader, TensorDataset

import auralflow_jax
import auralflow_torch
from auralflow.songs import make_songs
from auralflow_core.model_folder import ModelFolder
from bridge.cli import main

EARLIER = Path(__file__).parent / "data" / "earlier"
LOAD = {"jax": auralflow_jax.load, "torch": auralflow_torch.load}
TRAINED_IN = ("jax", "torch")


@pytest.fixture
def copied(tmp_path):
    """`copied(name)`: a copy of an earlier folder, which may train for a third epoch."""

    def copy(name):
        folder = ModelFolder(shutil.copytree(EARLIER / name, tmp_path / name))
        config = folder.load_config()
        folder.save_config(replace(config, training=replace(config.training, max_epochs=3)))
        return folder

    return copy


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("songs")
    make_songs(folder, tracks=3, seconds=2, sample_rate=8000)
    return folder


def check_separation(model, stored):
    """Compares the model's estimate with what version 0.1.0 stored."""
    audio = np.random.default_rng(0).standard_normal((2, 6000)).astype(np.float32) * np.float32(0.1)
    expected = np.load(EARLIER / f"{stored}_estimate.npy")
    assert expected.shape == (2, 2, 6000) and np.abs(expected).max() > 0.01
    np.testing.assert_allclose(model.separate(audio, 8000), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("framework", LOAD)
@pytest.mark.parametrize("trained_in", TRAINED_IN)
def test_they_load_and_separate_as_they_did(trained_in, framework):
    model = LOAD[framework](EARLIER / trained_in, device="cpu")
    assert (model.targets, model.sample_rate, model.num_channels) == (("drums", "vocals"), 8000, 2)
    check_separation(model, trained_in)


def test_a_run_of_jax_goes_on(copied, songs):
    from auralflow_jax.train import train

    folder = copied("jax")
    history = train(folder.path, songs, console=quiet())
    assert [epoch["epoch"] for epoch in history] == [1, 2, 3] and history[2]["step"] == 6
    assert np.isfinite(history[2]["valid_loss"])
    auralflow_jax.load(folder.path)


def test_a_run_of_torch_goes_on(copied):
    from auralflow_torch.losses import L1Loss
    from auralflow_torch.train.trainer import ModelTrainer

    folder = copied("torch")
    model = auralflow_torch.create_model(folder.path)
    mixture = torch.rand(4, 2, 4000, generator=torch.Generator().manual_seed(0)) - 0.5
    target = torch.stack([mixture.roll(1, -1), mixture.roll(2, -1)], dim=-1) / 2
    loaders = [DataLoader(TensorDataset(mixture, target), batch_size=2) for _ in range(2)]
    trainer = ModelTrainer(model, L1Loss(model), folder=folder.path, callbacks=(), console=quiet())
    history = trainer.train(*loaders, max_epochs=3)
    assert [epoch["epoch"] for epoch in history] == [
        1,
        2,
        3,
    ] and "Going on after epoch 2" in trainer.console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
    auralflow_torch.load(folder.path)


@pytest.mark.parametrize("trained_in", TRAINED_IN)
def test_their_weights_convert_both_ways(copied, tmp_path, trained_in):
    folder, file, back = copied(trained_in), tmp_path / "t.safetensors", tmp_path / "back"
    assert main(["to-torch", str(folder.path), "-o", str(file)]) == 0
    check_separation(auralflow_torch.load(file, device="cpu"), trained_in)
    assert main(["to-jax", str(file), str(back)]) == 0
    check_separation(auralflow_jax.load(back, device="cpu"), trained_in)


def test_their_training_state_converts_both_ways(copied, songs, tmp_path):
    from auralflow_jax.train import train

    folder, file, back = copied("jax"), tmp_path / "t.safetensors", ModelFolder(tmp_path / "back")
    assert main(["to-torch", str(folder.path), "--training", "-o", str(file)]) == 0
    assert main(["to-jax", str(file), str(back.path)]) == 0
    config = back.load_config()
    back.save_config(replace(config, training=replace(config.training, max_epochs=3)))
    ours, theirs = (train(one.path, songs, console=quiet()) for one in (folder, back))
    assert [epoch["valid_loss"] for epoch in ours] == [epoch["valid_loss"] for epoch in theirs] and len(ours) == 3
