"""Training in torch: `ModelTrainer`."""

import contextlib
import copy
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from msgspec.structs import replace
from rich.console import Console
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel

from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_core.training.schedule import best_epoch, epoch_line, reason_to_stop
from auralflow_torch.eval_mode import evaluating
from auralflow_torch.losses.criteria import bind
from auralflow_torch.models import SeparationModel
from auralflow_torch.train.callbacks import Callback, Norms, Scalars, Snippets, default_callbacks
from auralflow_torch.train.checkpoint import Checkpoints, random_state, set_random_state
from auralflow_torch.train.ema import average_of, standing_in
from auralflow_torch.train.loaders import Batches, own_generators, set_epoch
from auralflow_torch.train.progress import finite, steps_bar
from auralflow_torch.train.schedule import make_scheduler, scaled_rates, step_scheduler, training_settings

__all__ = ["Callback", "ModelTrainer", "Norms", "Scalars", "Snippets"]


class ModelTrainer:
    """Trains a model with a criterion on batches of a DataLoader.

    The settings are those of the group `training` in the model's configuration, unless they are given here. The
    criterion and the batch size are the caller's, so that `criterion` and what belongs to it, and `batch_size`, are
    not read. A run is one process on one device, and each batch is one step: there is no accumulation of gradients.

    What is validated, shown and kept as best.safetensors is the moving average of weights and statistics that
    `ema_decay` asks for, as in `auralflow train`. The model itself holds the weights that the optimizer works on, also
    when the run has ended; `with trainer.averaged():` puts the average into it.

    With a folder, the run leaves there what a run of `auralflow train` does: `checkpoint/best.safetensors`, which
    `SpectrogramMaskModel.from_pretrained` and the bridge read, and `checkpoint/last.pt`, from which a repeated call
    goes on, on the CPU to the same bits as if the run had never stopped. The random numbers of torch and of the
    loaders are part of it. `auralflow_torch.train.transfer` takes a run to JAX, or one from there.

    Args:
        model: what is trained.
        criterion: called with mixture and target, returns a scalar; or a loss of estimate, truth and mixture, as
            `make_loss` and `as_criterion` make them; see `auralflow_torch.losses`.
        optimizer: default: AdamW over all parameters with `lr` and `weight_decay`.
        scheduler: of `torch.optim.lr_scheduler`, stepped after each epoch; ReduceLROnPlateau is told the validation
            loss. Default: by `lr_schedule`, after a rise over `warmup_steps`.
        folder: a model folder, made if there is none. Default: nothing is written.
        device: where to train; default: where the model is.
        callbacks: told of each step and epoch; default, with a folder: by the configuration's group `visualizer`.
        console: where progress is shown; default: standard output.
        settings: `lr`, `lr_schedule` (plateau, cosine over `max_epochs`, constant), `lr_decay`, `lr_patience`,
            `max_lr_steps`, `warmup_steps`, `stop_patience`, `weight_decay`, `max_grad_norm`, `max_epochs`, `seed`;
            `ema_decay`, 0 for no average; `precision`: float32, bfloat16 or float16, the latter two by autocasting,
            float16 with scaled gradients.

    Attributes:
        average: the averaged network, a `torch.optim.swa_utils.AveragedModel`, once a run has begun; None without.
        history: of each epoch `epoch`, `step`, `train_loss`, `valid_loss`, `lr`, `samples_per_second` and `seconds`.
        step: optimizer steps taken.
        model, criterion, optimizer, scheduler, device, folder: as above.

    Raises:
        InputError: an unknown setting, or a value that it does not accept.

    Example:
        model = SpectrogramMaskModel(load_config("my_model/config.json"))
        trainer = ModelTrainer(model, L1Loss(model), folder="my_model", lr=1e-3)
        history = trainer.train(train_loader, val_loader, max_epochs=20)
    """

    def __init__(
        self,
        model: SeparationModel,
        criterion: Callable[..., Tensor],
        optimizer: Optimizer | None = None,
        scheduler: LRScheduler | None = None,
        *,
        folder: str | Path | None = None,
        device: str | torch.device | None = None,
        callbacks: Sequence[Callback] | None = None,
        console: Console | None = None,
        **settings: Any,
    ) -> None:
        self.precision, self.training = training_settings(model.config, settings)
        self.model, self.criterion = model, bind(model, criterion)
        self.device = torch.device(device or model.device)
        model.to(self.device)
        if isinstance(criterion, nn.Module):
            criterion.to(self.device)
        self.optimizer = optimizer or torch.optim.AdamW(
            model.parameters(), self.training.lr, weight_decay=self.training.weight_decay
        )
        self.has_own_schedule = scheduler is None
        self.scheduler = scheduler or make_scheduler(self.optimizer, self.training)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == torch.float16)
        self._fresh = copy.deepcopy(self._parts())  # to start over with

        self.folder = None if folder is None else ModelFolder(folder)
        self.checkpoints = None if folder is None else Checkpoints(self.folder, model)
        self.callbacks = list(default_callbacks(model.config) if callbacks is None and self.folder else callbacks or ())
        self.console = console or Console(highlight=False, soft_wrap=True)
        self.history: list[dict] = []
        self.step = 0
        self.average: AveragedModel | None = None
        self.events = None  # TensorBoard's, while a run with a folder lasts
        self.example: tuple[Tensor, Tensor] | None = None  # the first batch that validates

    def train(
        self, train_loader: Batches, val_loader: Batches, max_epochs: int | None = None, resume: bool = True
    ) -> list[dict]:
        """Trains until an epoch's end gives a reason to stop.

        Args:
            train_loader: gives mixtures (batch, channels, samples) and targets, as the criterion takes them. If its
                dataset or sampler has `set_epoch`, it is told the number of each epoch, from 1 on.
            val_loader: the same, for validation, after every epoch on the same data.
            max_epochs: of the whole run, those before it is resumed included; default: the configuration's.
            resume: go on with the run in the folder, or of an earlier call. Otherwise a run in the folder is moved
                aside, and a new one starts from the weights that the model has.

        Returns:
            The history.

        Raises:
            InputError: a loss is not finite, a loader is empty, or the folder cannot be used.
            KeyboardInterrupt: Ctrl-C; the folder is as it was after the last whole epoch, from which the run goes on.
        """
        max_epochs = self.training.max_epochs if max_epochs is None else max_epochs
        if max_epochs < 1:
            raise InputError(f"max_epochs is {max_epochs}, expected at least 1")
        training = replace(
            self.training,
            max_epochs=max_epochs,
            lr_schedule=self.training.lr_schedule if self.has_own_schedule else "constant",
        )
        self.generators = own_generators(train_loader, val_loader)
        self._begin(resume)
        self.events = self._open_events()
        try:
            self._tell("on_train_begin")
            while (reason := reason_to_stop([epoch["valid_loss"] for epoch in self.history], training)) is None:
                self._run_epoch(train_loader, val_loader, max_epochs)
            self._tell("on_train_end")
        except KeyboardInterrupt:
            kept = self.folder is not None and self.history
            self._say(
                f"Interrupted in epoch {len(self.history) + 1}, of which nothing is kept"
                f"{'; the same call begins it again.' if kept else '.'}"
            )
            raise
        finally:
            if self.events is not None:
                self.events.close()
        best = best_epoch(self.history)
        self._say(
            f"Done: {reason}. Best epoch {best['epoch']}, validation loss {best['valid_loss']:.4f}"
            f"{f'; its weights: {self.folder.weights}' if self.folder else ''}"
        )
        return self.history

    def train_step(self, mixture: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """One step of the optimizer; returns the loss and the gradients' norm before clipping, both on the device."""
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(mixture, target)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        parameters = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        norm = nn.utils.clip_grad_norm_(parameters, self.training.max_grad_norm)
        with scaled_rates(self.optimizer, self._warmth(self.step)):
            self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.average is not None:
            self.average.update_parameters(self.model.network)
        self.step += 1
        return loss.detach(), norm

    def _warmth(self, step: int) -> float:
        """The share of the learning rate that a step, counted from 0, has."""
        return min(1.0, (step + 1) / (self.training.warmup_steps + 1)) if self.has_own_schedule else 1.0

    def averaged(self) -> contextlib.AbstractContextManager[None]:
        """Puts the averaged weights into the model while a block runs; nothing where nothing is averaged."""
        return standing_in(self.model.network, self.average)

    @torch.no_grad()
    def validate(self, loader: Batches) -> float:
        """The mean loss over a loader's examples, of the averaged weights in evaluation mode."""
        total, count = torch.zeros((), device=self.device), 0
        set_epoch(loader, 0)  # an epoch of its own, the same each time
        with self.averaged(), evaluating(self.model):
            for mixture, target in loader:
                self.example = (mixture, target) if count == 0 else self.example
                total += len(mixture) * self.loss(mixture, target)
                count += len(mixture)
        if not count:
            raise InputError("the validation loader gave 0 batches, expected at least 1")
        return float(total) / count

    def loss(self, mixture: Tensor, target: Tensor) -> Tensor:
        """The criterion's value in the run's precision."""
        mixture, target = (tensor.to(self.device, non_blocking=True) for tensor in (mixture, target))
        with torch.autocast(self.device.type, self.precision, enabled=self.precision != torch.float32):
            return self.criterion(mixture, target)

    def _begin(self, resume: bool) -> None:
        """Goes on with an earlier run, or starts a new one."""
        state, aside = (None, None) if self.checkpoints is None else self.checkpoints.open(resume)
        if aside:
            self._say(f"The earlier run now lies in {aside}.")
        if state is not None:
            self.history, self.step = state["history"], state["step"]
            self.model.network.load_state_dict(state["network"])
            self._start_average(state["average"])
            self._set_parts(state["parts"])
            torch.manual_seed(self.training.seed)
            if state["random"] is not None:
                set_random_state(state["random"], self.generators)
            self.checkpoints.repair(self.history, self._validated().state_dict())
            self._say(f"Going on after epoch {len(self.history)}, step {self.step}.")
        elif not (resume and self.history):
            self.history, self.step = [], 0
            self._start_average()
            self._set_parts(copy.deepcopy(self._fresh))
            torch.manual_seed(self.training.seed)

    def _start_average(self, weights: Mapping[str, Tensor] | None = None) -> None:
        decay = self.training.ema_decay
        self.average = average_of(self.model.network, decay, self.step, weights) if decay else None

    def _validated(self) -> nn.Module:
        """The network that is validated and kept."""
        return self.model.network if self.average is None else self.average.module

    def _run_epoch(self, train_loader: Batches, val_loader: Batches, max_epochs: int) -> None:
        """Trains, validates, saves, shows."""
        epoch, started = len(self.history) + 1, time.monotonic()
        train_loss, samples = self._train_epoch(train_loader, epoch)
        seconds = time.monotonic() - started
        lr = self._warmth(self.step - 1) * self.optimizer.param_groups[0]["lr"]
        valid_loss = finite(f"the validation loss after step {self.step}", self.validate(val_loader), self._saved())
        step_scheduler(self.scheduler, valid_loss)
        self.history.append(
            {
                "epoch": epoch,
                "step": self.step,
                "train_loss": train_loss,
                "valid_loss": valid_loss,
                "lr": lr,
                "samples_per_second": round(samples / max(seconds, 1e-9), 3),
                "seconds": round(seconds, 3),
            }
        )
        if self.checkpoints is not None:
            validated, is_best = self._validated().state_dict(), best_epoch(self.history) is self.history[-1]
            state = self.state(validated, random_state(self.generators))
            self.checkpoints.save(state, self.history, validated if is_best else None)
        self._say(epoch_line(self.history, max_epochs))
        self._tell("on_epoch_end", self.history[-1])

    def _train_epoch(self, loader: Batches, epoch: int) -> tuple[float, int]:
        """The mean loss over the steps of an epoch, and the number of examples in them."""
        self.model.train()
        set_epoch(loader, epoch)
        losses, samples, late = [], 0, None
        with steps_bar(loader, self.history, self.console) as advance:
            for mixture, target in loader:
                metrics = self.train_step(mixture, target)
                # Read one step late, so that reading never holds up a step.
                losses += [] if late is None else [self._finite(*late, self.step - 1)]
                late, samples = metrics, samples + len(mixture)
                self._tell("on_step_end", self.step, *metrics)
                advance(f"epoch {epoch}", len(losses) + 1)
        if late is None:
            raise InputError("the training loader gave 0 batches, expected at least 1")
        losses.append(self._finite(*late, self.step))
        return math.fsum(losses) / len(losses), samples

    def _finite(self, loss: Tensor, norm: Tensor, step: int) -> float:
        number = finite(f"the loss of step {step}", loss, self._saved())
        if not self.scaler.is_enabled():  # it tries out scales that are too large, and leaves out the step
            finite(f"the gradient's norm of step {step}", norm, self._saved())
        return number

    def _saved(self) -> int:
        """How many epochs there are checkpoints of."""
        return len(self.history) if self.folder else 0

    def state(self, average: Mapping[str, Tensor], random: dict | None) -> dict:
        """What a run goes on from; without a state of random numbers they begin at the seed."""
        return {
            "history": self.history,
            "step": self.step,
            "network": self.model.network.state_dict(),
            "average": average,
            "parts": self._parts(),
            "random": random,
        }

    def _parts(self) -> dict:
        """The states of what goes with the weights."""
        parts = {"optimizer": self.optimizer, "scheduler": self.scheduler, "scaler": self.scaler}
        return {name: part.state_dict() for name, part in parts.items() if part is not None}

    def _set_parts(self, states: dict) -> None:
        for name, state in states.items():
            getattr(self, name).load_state_dict(state)

    def _open_events(self):
        if self.folder is None or not self.model.config.visualizer.tensorboard:
            return None
        from tensorboardX import SummaryWriter

        return SummaryWriter(str(self.folder.runs))

    def _tell(self, event: str, *values) -> None:
        """Calls all callbacks; random numbers that they draw between epochs are none of the run's."""
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices, enabled=event != "on_step_end"):
            for callback in self.callbacks:
                getattr(callback, event)(self, *values)

    def _say(self, text: str) -> None:
        self.console.print(text, markup=False)
