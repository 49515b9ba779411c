"""Settings of a run in torch, and its learning rate."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from msgspec.structs import replace
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, ReduceLROnPlateau

from auralflow_core import config as configuration
from auralflow_core.config import Config, TrainingConfig
from auralflow_core.errors import InputError, closest

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
# Of the configuration's group `training`; the others belong to the loss, or to a run in JAX.
SETTINGS = (
    "accumulate_steps",
    "ema_decay",
    "frozen",
    "lora_rank",
    "lr",
    "lr_decay",
    "lr_patience",
    "lr_schedule",
    "max_epochs",
    "max_grad_norm",
    "max_lr_steps",
    "precision",
    "seed",
    "stop_patience",
    "warmup_steps",
    "weight_decay",
)


def training_settings(config: Config, changes: dict[str, Any]) -> tuple[torch.dtype, TrainingConfig]:
    """Returns the type to compute in, and a configuration's settings with changes.

    Raises:
        InputError: an unknown setting, or a value that it does not accept.
    """
    if unknown := sorted(changes.keys() - set(SETTINGS)):
        raise InputError(f"ModelTrainer: unknown setting {unknown[0]!r}; {closest(unknown[0], SETTINGS)}")
    settings = {"precision": config.training.precision} | changes
    if (precision := settings.pop("precision")) not in PRECISIONS:
        raise InputError(f"ModelTrainer: unknown precision {precision!r}; {closest(str(precision), PRECISIONS)}")
    plain = configuration.to_dict(config)
    plain["training"] |= settings
    return PRECISIONS[precision], configuration.from_dict(plain, "ModelTrainer").training


def stopping_settings(training: TrainingConfig, max_epochs: int | None, has_own_schedule: bool) -> TrainingConfig:
    """The settings by which a run stops.

    Args:
        training: the run's settings.
        max_epochs: of the whole run; default: that of the settings.
        has_own_schedule: the learning rate follows `lr_schedule`, not a scheduler of the caller's.

    Raises:
        InputError: `max_epochs` is less than 1.
    """
    max_epochs = training.max_epochs if max_epochs is None else max_epochs
    if max_epochs < 1:
        raise InputError(f"max_epochs is {max_epochs}, expected at least 1")
    schedule = training.lr_schedule if has_own_schedule else "constant"
    return replace(training, max_epochs=max_epochs, lr_schedule=schedule)


def make_scheduler(optimizer: Optimizer, training: TrainingConfig) -> LRScheduler | None:
    """The scheduler that `lr_schedule` names, to be stepped after each epoch; None for a constant rate."""
    if training.lr_schedule == "plateau":
        # torch counts the epochs that are still tolerated.
        return ReduceLROnPlateau(optimizer, factor=training.lr_decay, patience=training.lr_patience - 1, threshold=0)
    if training.lr_schedule == "cosine":
        return CosineAnnealingLR(optimizer, T_max=training.max_epochs)
    return None


def step_scheduler(scheduler: LRScheduler | None, valid_loss: float) -> None:
    """Tells a scheduler that an epoch has ended."""
    if isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step(valid_loss)
    elif scheduler is not None:
        scheduler.step()


def warmup_factor(step: int, warmup_steps: int) -> float:
    """The share of the learning rate that a step, counted from 0, has: it rises in equal parts.

    Example:
        >>> [warmup_factor(step, 3) for step in range(5)]
        [0.25, 0.5, 0.75, 1.0, 1.0]
    """
    return min(1.0, (step + 1) / (warmup_steps + 1))


@contextlib.contextmanager
def scaled_rates(optimizer: Optimizer, factor: float) -> Iterator[None]:
    """Multiplies the learning rates while the block runs; a scheduler sees nothing of it."""
    rates = [group["lr"] for group in optimizer.param_groups]
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = factor * rate
    yield
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
