"""Runs of `ModelTrainer` in files from which either framework goes on; `python -m bridge` is the side of JAX."""

import warnings
from pathlib import Path

import torch

from auralflow_core.config import differing_keys
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_core.training.schedule import plateau
from auralflow_core.weights.file import TORCH, read_tensors
from auralflow_core.weights.training_state import read_training, write_training
from auralflow_torch.train.callbacks import TrainingRun
from auralflow_torch.train.checkpoint import Checkpoints
from auralflow_torch.train.schedule import step_scheduler
from auralflow_torch.train.training_state import optimizer_state, training_tensors
from auralflow_torch.weights import load_state


def save_run(trainer: TrainingRun, path: str | Path) -> None:
    """Writes where a trainer's run stands: weights, their average, AdamW's moments, the best weights, the history.

    Args:
        trainer: has a folder, and AdamW for an optimizer.
        path: ends in `.safetensors`; `python -m bridge to-jax FILE NEW_FOLDER` makes a folder of it from which
            `auralflow train` goes on.

    Raises:
        InputError: another optimizer, or no folder.
    """
    folder, _, optimizer = _parts(trainer)
    best = read_tensors(folder.weights, [TORCH]).tensors if trainer.history else None
    tensors = {name: torch.from_numpy(array) for name, array in (best or {}).items()}
    scale = plateau([epoch["valid_loss"] for epoch in trainer.history], trainer.training)[0]
    average = trainer.validated().state_dict()
    training = training_tensors(trainer.model.network, optimizer, average, tensors or None, scale)
    write_training(path, training, trainer.model.config, {"history": trainer.history, "losses": []})


def load_run(trainer: TrainingRun, path: str | Path) -> None:
    """Puts a run into a trainer's folder, so that `trainer.train` goes on with it.

    The schedule is brought to where the history's validation losses take it. Random numbers begin at the
    configuration's seed, and an epoch that was not finished begins again.

    Args:
        trainer: has a folder without a run, and AdamW for an optimizer.
        path: of `python -m bridge to-torch MODEL_FOLDER --training`, or of `save_run`.

    Raises:
        InputError: another optimizer, no folder or one with a run, a damaged file, or one of another model.
    """
    folder, checkpoints, optimizer = _parts(trainer)
    training, config, run = read_training(path)
    if differing := differing_keys(trainer.model.config, config, may_differ=("model_name",)):
        raise InputError(f"{path}: is of another model: {', '.join(differing)}")
    if checkpoints.open(resume=True)[0] is not None:
        raise InputError(f"{folder.path}: holds a run already; name a new folder")
    if not run["history"]:
        raise InputError(f"{path}: the run has not finished an epoch yet; begin a new one with its weights")
    network = trainer.model.network
    load_state(network, training.params, str(path))
    optimizer.load_state_dict(optimizer_state(training, network, optimizer))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of a schedule that moves before the optimizer does
        for epoch in run["history"]:
            step_scheduler(trainer.scheduler, epoch["valid_loss"])
    average, best = (
        {name: torch.from_numpy(array) for name, array in (tensors or {}).items()}
        for tensors in (training.ema, training.best)
    )
    trainer.history, trainer.step = run["history"], training.step
    checkpoints.save(trainer.state(average, random=None), run["history"], best)


def _parts(trainer: TrainingRun) -> tuple[ModelFolder, Checkpoints, torch.optim.AdamW]:
    """The parts of a run that a transfer needs."""
    if trainer.folder is None or trainer.checkpoints is None:
        raise InputError("a run moves between frameworks with its best weights, for which the trainer needs a folder")
    if not isinstance(trainer.optimizer, torch.optim.AdamW):
        raise InputError(
            f"a run moves between frameworks with AdamW's moments, and the trainer's optimizer is "
            f"{type(trainer.optimizer).__name__}"
        )
    return trainer.folder, trainer.checkpoints, trainer.optimizer
