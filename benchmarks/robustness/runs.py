"""Damaged checkpoints of runs in both frameworks."""

import io
from pathlib import Path

import numpy as np
from msgspec.structs import replace
from rich.console import Console

from auralflow.cli.main import main
from auralflow.songs import make_songs
from auralflow_core.config import Config, DatasetConfig, SpectrogramNetSimple, TrainingConfig, VisualizerConfig
from auralflow_core.console.exit_status import exit_status
from auralflow_core.model_folder import ModelFolder
from auralflow_core.storage.checksums import CHECKSUMS
from robustness.files import copy, same
from robustness.mutations import damage_folder
from robustness.outcomes import Outcome, run

CONFIG = Config(
    model=SpectrogramNetSimple(
        sample_rate=8000, num_fft=128, window_size=128, hop_length=64, num_bins=64, hidden_channels=1, depth=1
    ),
    dataset=DatasetConfig(sample_length=0.5, samples_per_epoch=2),
    training=TrainingConfig(max_epochs=2, batch_size=1),
    visualizer=VisualizerConfig(num_snippets=0, tensorboard=False),
)


def make_runs(originals: Path) -> None:
    """Runs of two epochs in each framework, and the state of the one in JAX as a file."""
    make_songs(originals / "songs", tracks=3, seconds=2, sample_rate=8000)
    ModelFolder(originals / "jax").save_config(CONFIG)
    if main(["train", str(originals / "jax"), str(originals / "songs")]):
        raise RuntimeError("the run in JAX failed")
    main(["convert", "to-torch", str(originals / "jax"), "--training", "-o", str(originals / "jax.safetensors")])
    train_in_torch(originals / "torch", 2)


def train_in_torch(folder: Path, epochs: int) -> None:
    """Trains on noise, or goes on with it."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    from auralflow_torch import create_model
    from auralflow_torch.losses import L1Loss
    from auralflow_torch.train.trainer import ModelTrainer

    torch.manual_seed(0)
    model = create_model(CONFIG)
    mixture = torch.rand(2, 1, 4000, generator=torch.Generator().manual_seed(0)) - 0.5
    loader = DataLoader(TensorDataset(mixture, mixture / 2), batch_size=1)
    console = Console(file=io.StringIO())
    ModelTrainer(model, L1Loss(model), folder=folder, callbacks=(), console=console).train(loader, loader, epochs)


def damage_checkpoint(originals: Path, folder: Path, rng: np.random.Generator) -> list[Outcome]:
    """A run whose checkpoint is damaged is converted, and goes on for an epoch."""
    framework = str(rng.choice(["jax", "jax", "torch"]))
    model = copy(originals / framework, folder / "model")
    if is_earlier := framework == "jax" and rng.random() < 0.3:  # a checkpoint of a version without checksums
        next(model.checkpoint.glob(f"*/{CHECKSUMS}")).unlink()
    change = damage_folder(model.checkpoint, rng)
    if framework == "torch":
        go_on = lambda: exit_status("auralflow", lambda: train_in_torch(model.path, 3))  # noqa: E731
        return [run(f"torch, {change}", go_on, folder)]
    out = folder / "out.safetensors"
    command = ["convert", "to-torch", str(model.path), "--training", "-o", str(out)]
    converted = run(f"convert, {change}", lambda: main(command), folder)
    if converted.status == 0 and not is_earlier and not same(originals / "jax.safetensors", out):
        converted.faults.append("accepted with other values")
    config = model.load_config()
    model.save_config(replace(config, training=replace(config.training, max_epochs=3)))
    trained = run(f"train, {change}", lambda: main(["train", str(model.path), str(originals / "songs")]), folder)
    return [converted, trained]
