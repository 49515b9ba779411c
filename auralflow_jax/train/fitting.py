"""Training on arrays: `fit`, for data that is not a folder of music."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from msgspec.structs import replace
from rich.console import Console

from auralflow_core.config import TrainingConfig
from auralflow_core.console.text import with_article
from auralflow_core.errors import DivergedError, InputError
from auralflow_core.storage.staging import is_vacant
from auralflow_core.training.record import speed_since
from auralflow_core.training.schedule import STAR, best_epoch, epoch_line, plateau, reason_to_stop, remedy
from auralflow_jax.models.base import SeparationModel
from auralflow_jax.train.monitor import LossMonitor
from auralflow_jax.train.optimizer import make_optimizer
from auralflow_jax.train.sharding import Batch, make_mesh, replicated, shard_batch
from auralflow_jax.train.state import RunState, start_state
from auralflow_jax.train.step import EstimateLoss, TrainStep, check_batch, compare, make_train_step

Batches = Iterable[dict[str, Any]]


def fit(
    model: SeparationModel,
    loss: EstimateLoss,
    batches: Batches,
    valid: Batches,
    *,
    optimizer: optax.GradientTransformation | None = None,
    folder: str | Path | None = None,
) -> tuple[SeparationModel, list[dict]]:
    """Trains a model on batches of arrays.

    Every epoch is one pass over `batches`, then one over `valid`. An iterator, such as a generator, has one pass and
    so makes one epoch. The settings are those of the group `training` in `model.settings`: `max_epochs`,
    `stop_patience`, `ema_decay`, `accumulate_steps`, `frozen`, `lora_rank`, `lora_alpha`, `seed`, and for the default
    optimizer `optimizer` and those of the learning rate. The weights that are validated, returned and saved are the
    moving average that `ema_decay` asks for; adapters are part of them.

    Args:
        model: with its variables, from `create_model` or `load`; it stays as it is.
        loss: `loss(estimate, truth, mixture)`, a scalar; see `auralflow_jax.losses`.
        batches: dicts of float32 arrays, `mixture` (batch, channels, samples) and `targets` (batch, targets, channels,
            samples), at the model's rate. The number of devices divides `batch`; every other shape is compiled anew.
        valid: the same, for validation; no iterator, unless `batches` is one.
        optimizer: brings its learning rate. Default: that of `auralflow train`, for which `batches` needs a length.
        folder: a new folder, which becomes a model folder with the weights of the best epoch. Default: nothing is
            written.

    Returns:
        The model with the weights of the best epoch, and the history, for every epoch a dict of `epoch`, `step`,
        `train_loss`, `valid_loss`, `samples_per_second`, `seconds`.

    Raises:
        InputError: arrays of other shapes, a pass without batches, a folder that is not empty, or batches without a
            length for the default optimizer.
        DivergedError: a loss or gradient is no longer finite.

    Example:
        model = auralflow_jax.create_model("my_model/config.json")
        loss = make_loss(model.settings.training, model.represent)
        model, history = fit(model, loss, batches, valid, optimizer=optax.adam(1e-3), folder="trained")
    """
    # Plan
    _check_folder(folder)
    training, optimizer = _plan(model.settings.training, batches, optimizer)
    place = replicated(make_mesh())
    settings = {name: getattr(training, name) for name in ("seed", "ema_decay", "accumulate_steps")}
    train_step = make_train_step(model, loss, optimizer, **settings)
    eval_step = jax.jit(lambda variables, batch: compare(model, loss, model.apply(variables, batch["mixture"]), batch))

    # State
    best = model
    run = RunState(jax.device_put(start_state(jax.tree.map(jnp.copy, model.variables), optimizer, training), place))

    # Loop
    while reason_to_stop(run.valid_losses, training) is None:
        speed = _train_epoch(run, train_step, batches, model)
        valid_loss = _validate(run, eval_step, valid, model)
        train_loss = math.fsum(run.losses) / len(run.losses)
        entry = {"epoch": len(run.history) + 1, "step": int(run.state.step), "train_loss": train_loss}
        run.history.append({**entry, "valid_loss": valid_loss, **speed})
        scale = np.float32(plateau(run.valid_losses, training)[0])
        run.state, run.losses = run.state.replace(lr_scale=jax.device_put(scale, place)), []
        if best_epoch(run.history) is run.history[-1]:
            best = model.replace(variables=jax.device_put(run.state.fetch_averaged()))
            if folder is not None:
                best.save(folder, run.history[-1])
        _report(run.history, training)
    return best, run.history


def _report(history: list[dict], training: TrainingConfig) -> None:
    """Prints the latest epoch; before the first, the meaning of its signs."""
    console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
    if len(history) == 1:
        console.print(STAR)
    console.print(epoch_line(history, training.max_epochs))


def _check_folder(folder: str | Path | None) -> None:
    """Refuses a folder in which something would be replaced."""
    if folder is not None and not is_vacant(folder):
        raise InputError(f"{folder}: exists already; name a new folder")


def _plan(
    training: TrainingConfig, batches: Batches, optimizer: optax.GradientTransformation | None
) -> tuple[TrainingConfig, optax.GradientTransformation]:
    """The settings by which the run stops, and its optimizer."""
    if isinstance(batches, Iterator):
        training = replace(training, max_epochs=1)
    if optimizer is not None:
        return replace(training, lr_schedule="constant"), optimizer
    if not isinstance(batches, Sized):
        raise InputError(
            f"batches is {with_article(type(batches).__name__)} without a length, on which the default "
            "optimizer's learning rate depends; give a list, or an optimizer such as optax.adam(1e-3)"
        )
    return training, make_optimizer(training, len(batches) * training.max_epochs)


def _train_epoch(run: RunState, train_step: TrainStep, batches: Batches, model: SeparationModel) -> dict:
    """Takes a step for each batch of a pass; returns the epoch's speed."""
    monitor, samples, started = LossMonitor(run.losses, (), None), 0, time.monotonic()
    for step, batch in enumerate(batches, start=int(run.state.step) + 1):
        run.state, metrics = train_step(run.state, _prepare(batch, model))
        monitor.add(step, metrics)
        samples += len(batch["mixture"])
    if not samples:
        raise InputError("batches gave 0 batches in a pass, expected at least 1")
    monitor.drain()
    return speed_since(started, samples)


def _validate(run: RunState, eval_step: Callable, valid: Batches, model: SeparationModel) -> float:
    """The mean loss over a pass, of the averaged weights."""
    losses, sizes = [], []
    for batch in valid:
        losses.append(eval_step(run.state.averaged, _prepare(batch, model)))
        sizes.append(len(batch["mixture"]))
    if not sizes:
        raise InputError("valid gave 0 batches in a pass, expected at least 1")
    mean = float(np.average(np.array(losses, np.float64), weights=sizes))
    if not math.isfinite(mean):
        step = int(run.state.step)
        raise DivergedError(f"the validation loss after step {step} is {mean}; {remedy(None)}", step=step)
    return mean


def _prepare(batch: dict[str, Any], model: SeparationModel) -> Batch:
    """Checks a batch and divides it over the devices."""
    check_batch(model, batch)
    return shard_batch({name: np.asarray(batch[name], np.float32) for name in ("mixture", "targets")}, make_mesh())
