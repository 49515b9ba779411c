"""Training in torch: `ModelTrainer`."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from rich.console import Console
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel

from auralflow_core.console.text import count
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_core.training.record import speed_since
from auralflow_core.training.schedule import best_epoch, reason_to_stop
from auralflow_torch.eval_mode import evaluating
from auralflow_torch.losses.criteria import bind
from auralflow_torch.models import SeparationModel
from auralflow_torch.train.callbacks import Callback, Norms, Scalars, Snippets, default_callbacks, notify, open_events
from auralflow_torch.train.checkpoint import Checkpoints, random_state, set_random_state
from auralflow_torch.train.checks import check_criterion, check_ranks, check_settings
from auralflow_torch.train.ema import average_of, swapped_weights
from auralflow_torch.train.loaders import Batches, own_generators, set_epoch
from auralflow_torch.train.monitor import LossMonitor, require_finite
from auralflow_torch.train.optimizer import Updates, freeze, make_optimizer
from auralflow_torch.train.progress import Progress
from auralflow_torch.train.schedule import make_scheduler, stopping_settings, training_settings

if TYPE_CHECKING:
    from tensorboardX import SummaryWriter

__all__ = ["Callback", "ModelTrainer", "Norms", "Scalars", "Snippets"]


class ModelTrainer:
    """Trains a model with a loss on batches of a DataLoader.

    The settings are those of the group `training` in the model's configuration, unless they are given here. The
    loss and the batch size are the caller's, so that `criterion` and what belongs to it, and `batch_size`, are
    not read. Each batch is one step on one device. Several ranks of `torch.distributed` are refused unless the loader
    divides the data among them.

    The weights that are validated, shown and kept as best.safetensors are the moving average that `ema_decay` asks
    for, as in `auralflow train`. The model itself holds the weights that the optimizer works on, also when the run has
    ended; `with trainer.averaged():` puts the average into it.

    With a folder, the run leaves the files that a run of `auralflow train` leaves: `checkpoint/best.safetensors`, which
    `SpectrogramMaskModel.from_pretrained` and the bridge read, and `checkpoint/last.pt`, from which a repeated call
    goes on, on the CPU to the same bits as if the run had never stopped. The random numbers of torch and of the
    loaders are part of it. `auralflow_torch.train.transfer` takes a run to JAX, or one from there.

    Args:
        model: the model to train.
        loss: of estimate, truth and mixture, as `make_loss` and `as_criterion` make them; or a criterion, which is
            called with mixture and target as the loader gives them, and runs the model. See `auralflow_torch.losses`.
        optimizer: default: AdamW over all parameters with `lr` and `weight_decay`.
        scheduler: of `torch.optim.lr_scheduler`, stepped after each epoch; ReduceLROnPlateau gets the validation
            loss. Default: by `lr_schedule`, after a rise over `warmup_steps`.
        folder: a model folder, made if it does not exist. Default: nothing is written.
        device: where to train; default: where the model is.
        callbacks: called after each step and epoch; default, with a folder: by the configuration's group `visualizer`.
        console: where progress is shown; default: standard output.
        settings: `lr`, `lr_schedule` (plateau, cosine over `max_epochs`, constant), `lr_decay`, `lr_patience`,
            `max_lr_steps`, `warmup_steps`, `stop_patience`, `weight_decay`, `max_grad_norm`, `max_epochs`, `seed`;
            `frozen`, layers that stay as they are; `ema_decay`, 0 for no average; `accumulate_steps`, parts of a batch
            that are computed one after the other; `precision`: float32, bfloat16 or float16, the latter two by
            autocasting, float16 with scaled gradients.

    Attributes:
        criterion: called with mixture and target; runs the model and returns the loss, a scalar.
        average, checkpoints, device, events, example, folder, history, model, optimizer, scheduler, step, training: see
            `auralflow_torch.train.callbacks.TrainingRun`.

    Raises:
        InputError: an unknown setting, a value that it does not accept, or a loss that does not run the model.

    Example:
        model = SpectrogramMaskModel(load_config("my_model/config.json"))
        trainer = ModelTrainer(model, L1Loss(model), folder="my_model", lr=1e-3)
        history = trainer.train(train_loader, val_loader, max_epochs=20)
    """

    def __init__(
        self,
        model: SeparationModel,
        loss: Callable[..., Tensor],
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
        self.model, self.criterion = model, bind(model, loss)
        check_criterion(self.criterion)
        check_settings(self.training)
        self.device = torch.device(device or model.device)
        model.to(self.device)
        if isinstance(self.criterion, nn.Module):
            self.criterion.to(self.device)
        freeze(model.network, self.training.frozen)
        self.optimizer = optimizer or make_optimizer(model, self.training)
        self.has_own_schedule = scheduler is None
        self.scheduler = scheduler or make_scheduler(self.optimizer, self.training)
        scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == torch.float16)
        self.updates = Updates(self.optimizer, self.scheduler, self.training, self.has_own_schedule, scaler)

        self.folder = None if folder is None else ModelFolder(folder)
        self.checkpoints = None if self.folder is None else Checkpoints(self.folder, model)
        self.callbacks = list(default_callbacks(model.config) if callbacks is None and self.folder else callbacks or ())
        self.console = console or Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
        self.progress = Progress(self.console, self.folder)
        self.history: list[dict] = []
        self.step = 0
        self.average: AveragedModel | None = None
        self.events: SummaryWriter | None = None
        self.example: tuple[Tensor, Tensor] | None = None
        self._generators: list[torch.Generator] = []  # of the loaders, once a run has begun

    def __repr__(self) -> str:
        folder = None if self.folder is None else str(self.folder.path)
        return f"{type(self).__name__}({self.model!r}, folder={folder!r}, {count(len(self.history), 'epoch')})"

    def train(
        self, train_loader: Batches, val_loader: Batches, max_epochs: int | None = None, resume: bool = True
    ) -> list[dict]:
        """Trains until an epoch's end gives a reason to stop.

        Args:
            train_loader: gives mixtures (batch, channels, samples) and targets, as the loss takes them. If its
                dataset or sampler has `set_epoch`, that is called with the number of each epoch, from 1 on.
            val_loader: the same, for validation, after every epoch on the same data.
            max_epochs: of the whole run, those before it is resumed included; default: the configuration's.
            resume: go on with the run in the folder, or of an earlier call. Otherwise a run in the folder is moved
                aside, and a new one starts from the weights that the model has.

        Returns:
            The history.

        Raises:
            InputError: a loader is empty or gives several ranks the same data, or the folder cannot be used, as another
                run is in it.
            DivergedError: a loss or gradient is no longer finite.
            StorageError: a checkpoint cannot be written.
            KeyboardInterrupt: Ctrl-C; the folder is as it was after the last whole epoch, from which the run goes on.
        """
        training = stopping_settings(self.training, max_epochs, self.has_own_schedule)
        check_ranks(train_loader)
        self._generators = own_generators(train_loader, val_loader)
        with contextlib.ExitStack() as stack:
            if self.checkpoints is not None:
                stack.enter_context(self.checkpoints.alone())
            self._begin(resume)
            stack.enter_context(open_events(self))
            try:
                notify(self.callbacks, "on_train_begin", self)
                while (reason := reason_to_stop([epoch["valid_loss"] for epoch in self.history], training)) is None:
                    self._run_epoch(train_loader, val_loader, training.max_epochs)
                notify(self.callbacks, "on_train_end", self)
            except KeyboardInterrupt:
                self.progress.interrupted(self.history)
                raise
        self.progress.finish(self.history, reason)
        return self.history

    def train_step(self, mixture: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """One step of the optimizer; returns the loss and the gradients' norm before clipping, both on the device."""
        loss, norm = self.updates.take(self._losses(mixture, target), self.step)
        if self.average is not None:
            self.average.update_parameters(self.model.network)
        self.step += 1
        return loss, norm

    def _losses(self, mixture: Tensor, target: Tensor) -> Iterator[Tensor]:
        """The losses of a batch's parts, each times its share of the batch, so that their sum is the batch's mean."""
        for index in range(parts := min(self.training.accumulate_steps, len(mixture))):
            part = mixture[index::parts], target[index::parts]
            yield len(part[0]) / len(mixture) * self.compute_loss(*part)

    def compute_loss(self, mixture: Tensor, target: Tensor) -> Tensor:
        """The loss of a batch, in the run's precision."""
        mixture, target = (tensor.to(self.device, non_blocking=True) for tensor in (mixture, target))
        with torch.autocast(self.device.type, self.precision, enabled=self.precision != torch.float32):
            return self.criterion(mixture, target)

    @torch.no_grad()
    def validate(self, loader: Batches) -> float:
        """The mean loss over a loader's examples, of the averaged weights in evaluation mode."""
        total, count = torch.zeros((), device=self.device), 0
        set_epoch(loader, 0)  # which no training epoch has; the same each time
        with self.averaged(), evaluating(self.model):
            for mixture, target in loader:
                self.example = (mixture, target) if count == 0 else self.example
                total += len(mixture) * self.compute_loss(mixture, target)
                count += len(mixture)
        if not count:
            raise InputError("the validation loader gave 0 batches, expected at least 1")
        return float(total) / count

    def averaged(self) -> contextlib.AbstractContextManager[None]:
        """Puts the averaged weights into the model while a block runs; nothing where nothing is averaged."""
        return swapped_weights(self.model.network, self.average)

    def validated(self) -> nn.Module:
        """The network with the weights that are validated and kept."""
        return self.model.network if self.average is None else self.average.module

    def state(self, average: Mapping[str, Tensor], random: dict | None) -> dict:
        """Plain data and tensors that a run goes on from; without a state of random numbers they begin at the seed."""
        return {
            "history": self.history,
            "step": self.step,
            "network": self.model.network.state_dict(),
            "average": average,
            "parts": self.updates.state_dict(),
            "random": random,
        }

    def _run_epoch(self, train_loader: Batches, val_loader: Batches, max_epochs: int) -> None:
        """Trains, validates, saves, shows."""
        epoch, started = len(self.history) + 1, time.monotonic()
        train_loss, samples = self._train_epoch(train_loader, epoch)
        speed = speed_since(started, samples)
        lr = self.updates.rate(self.step - 1)
        valid_loss = self.validate(val_loader)
        require_finite("validation loss", valid_loss, self.step, self._saved(), "after")
        self.updates.end_epoch(valid_loss)
        losses = {"train_loss": train_loss, "valid_loss": valid_loss}
        self.history.append({"epoch": epoch, "step": self.step, **losses, "lr": lr, **speed})
        self._save()
        self.progress.epoch(self.history, max_epochs)
        notify(self.callbacks, "on_epoch_end", self, self.history[-1])

    def _train_epoch(self, loader: Batches, epoch: int) -> tuple[float, int]:
        """The mean loss over the steps of an epoch, and the number of examples in them."""
        self.model.train()
        set_epoch(loader, epoch)
        monitor, samples, steps = LossMonitor(self._saved(), check_norms=not self.updates.scaler.is_enabled()), 0, 0
        with self.progress.steps_bar(loader, self.history) as advance:
            for mixture, target in loader:
                loss, norm = self.train_step(mixture, target)
                monitor.add(self.step, loss, norm)
                samples, steps = samples + len(mixture), steps + 1
                notify(self.callbacks, "on_step_end", self, self.step, loss, norm)
                advance(f"epoch {epoch}", steps)
        if not steps:
            raise InputError("the training loader gave 0 batches, expected at least 1")
        return monitor.mean(), samples

    def _begin(self, resume: bool) -> None:
        """Goes on with an earlier run, or starts a new one."""
        state, aside = (None, None) if self.checkpoints is None else self.checkpoints.open(resume)
        if aside:
            self.progress.moved(aside)
        if state is not None:
            assert self.checkpoints is not None  # the state is theirs
            with self.checkpoints.restoring():
                self._restore(state)
            self.checkpoints.repair(self.history, self.validated().state_dict())
            self.progress.resumed(self.history, self.step)
        elif not (resume and self.history):
            self.history, self.step = [], 0
            self._start_average()
            self.updates.reset()
            torch.manual_seed(self.training.seed)

    def _restore(self, state: dict) -> None:
        """Goes on from a state, see `state`."""
        self.history, self.step = state["history"], state["step"]
        self.model.network.load_state_dict(state["network"])
        self._start_average(state["average"])
        self.updates.load_state_dict(state["parts"])
        torch.manual_seed(self.training.seed)
        if state["random"] is not None:
            set_random_state(state["random"], self._generators)

    def _start_average(self, weights: Mapping[str, Tensor] | None = None) -> None:
        decay = self.training.ema_decay
        self.average = average_of(self.model.network, decay, self.step, weights) if decay else None

    def _save(self) -> None:
        if self.checkpoints is not None:
            weights, is_best = self.validated().state_dict(), best_epoch(self.history) is self.history[-1]
            state = self.state(weights, random_state(self._generators))
            self.checkpoints.save(state, self.history, weights if is_best else None)

    def _saved(self) -> int:
        """Number of epochs whose checkpoints exist."""
        return len(self.history) if self.folder else 0
