"""Steps of an optimizer: scaled gradients, clipping, warm-up, and a schedule after each epoch."""

import copy
from collections.abc import Collection, Iterable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from auralflow_core.config import TrainingConfig
from auralflow_core.errors import InputError
from auralflow_core.weights.frozen import frozen_names
from auralflow_torch.train.schedule import scaled_rates, step_scheduler, warmup_factor


def make_optimizer(model: nn.Module, training: TrainingConfig) -> torch.optim.AdamW:
    """AdamW over all parameters.

    Raises:
        InputError: the settings name another optimizer.
    """
    if training.optimizer != "adamw":
        raise InputError(
            f"training.optimizer is {training.optimizer}, with which `auralflow train` trains in JAX; ModelTrainer "
            "makes adamw, and takes any other as its argument optimizer, such as torch.optim.SGD(model.parameters())"
        )
    return torch.optim.AdamW(model.parameters(), training.lr, weight_decay=training.weight_decay)


def freeze(network: nn.Module, layers: Collection[str]) -> None:
    """Keeps layers as they are; norms without gradients keep their statistics, see `SeparationModel.train`.

    Args:
        network: of which they are layers.
        layers: see `auralflow_core.weights.frozen`.

    Raises:
        InputError: a layer does not exist, or nothing is left to train.
    """
    parameters = dict(network.named_parameters())
    for name in frozen_names(parameters, layers) if layers else ():
        parameters[name].requires_grad_(False)


class Updates:
    """An optimizer with what changes its steps.

    Args:
        optimizer: of the weights.
        scheduler: of its learning rate, None for a constant one.
        training: `max_grad_norm` and `warmup_steps`.
        has_warmup: whether the learning rate rises over `warmup_steps`.
        scaler: of gradients; enabled for float16.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        scheduler: LRScheduler | None,
        training: TrainingConfig,
        has_warmup: bool,
        scaler: torch.amp.GradScaler,
    ) -> None:
        self.optimizer, self.scheduler, self.scaler = optimizer, scheduler, scaler
        self.max_grad_norm = training.max_grad_norm
        self.warmup_steps = training.warmup_steps if has_warmup else 0
        self._fresh = copy.deepcopy(self.state_dict())  # to start over with

    def take(self, losses: Iterable[Tensor], step: int) -> tuple[Tensor, Tensor]:
        """Goes backward from each of some losses, then takes step `step`, counted from 0.

        Returns:
            The sum of the losses, and the gradients' norm before clipping, both on the device.
        """
        self.optimizer.zero_grad(set_to_none=True)
        total: Tensor | float = 0.0
        for loss in losses:
            self.scaler.scale(loss).backward()
            total = total + loss.detach()
        assert isinstance(total, Tensor)
        self.scaler.unscale_(self.optimizer)
        parameters = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        norm = nn.utils.clip_grad_norm_(parameters, self.max_grad_norm)
        with scaled_rates(self.optimizer, warmup_factor(step, self.warmup_steps)):
            self.scaler.step(self.optimizer)
        self.scaler.update()
        return total, norm

    def rate(self, step: int) -> float:
        """The learning rate of step `step`, counted from 0, in the epoch under way."""
        return warmup_factor(step, self.warmup_steps) * self.optimizer.param_groups[0]["lr"]

    def end_epoch(self, valid_loss: float) -> None:
        """Adapts the learning rate to the end of an epoch."""
        step_scheduler(self.scheduler, valid_loss)

    def state_dict(self) -> dict:
        """The states of optimizer, scheduler and scaler."""
        parts = {"optimizer": self.optimizer, "scheduler": self.scheduler, "scaler": self.scaler}
        return {name: part.state_dict() for name, part in parts.items() if part is not None}

    def load_state_dict(self, states: dict) -> None:
        """The inverse of `state_dict`."""
        for name, state in states.items():
            getattr(self, name).load_state_dict(state)

    def reset(self) -> None:
        """Goes back to the state before the first step."""
        self.load_state_dict(copy.deepcopy(self._fresh))
