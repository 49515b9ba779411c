"""Callbacks that watch a run: TensorBoard's scalars, norms, snippets to look at and listen to."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel

from auralflow_core.config import Config, TrainingConfig
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_core.training.events import open_events as event_writer
from auralflow_core.training.snippets import SnippetWriter
from auralflow_torch.eval_mode import evaluating
from auralflow_torch.losses.criteria import targets_first
from auralflow_torch.models import SeparationModel
from auralflow_torch.train.checkpoint import Checkpoints

if TYPE_CHECKING:
    from tensorboardX import SummaryWriter


class TrainingRun(Protocol):
    """A run as callbacks and transfers see it; `ModelTrainer` is one.

    Attributes:
        model: holds the weights that the optimizer works on.
        optimizer: of the run.
        scheduler: of the learning rate, stepped after each epoch; None for a constant rate.
        training: the settings in force.
        device: where the model is trained.
        folder: the model's; None: nothing is written.
        checkpoints: in the folder; None without one.
        history: one dict for each epoch: `epoch`, `step`, `train_loss`, `valid_loss`, `lr`, `samples_per_second`,
            `seconds`.
        step: optimizer steps taken.
        average: holds the averaged weights in `module`; None where nothing is averaged.
        events: writes TensorBoard events while the run lasts; None without a folder, or where the configuration wants
            none.
        example: the first validation batch, mixture (batch, channels, samples) and target as the loader gave them;
            None before the first validation.
    """

    model: SeparationModel
    optimizer: Optimizer
    scheduler: LRScheduler | None
    training: TrainingConfig
    device: torch.device
    folder: ModelFolder | None
    checkpoints: Checkpoints | None
    history: list[dict]
    step: int
    average: AveragedModel | None
    events: "SummaryWriter | None"
    example: tuple[Tensor, Tensor] | None

    def averaged(self) -> contextlib.AbstractContextManager[None]:
        """Puts the weights that are validated into the model while a block runs."""
        ...

    def validated(self) -> nn.Module:
        """The network with the weights that are validated and kept."""
        ...

    def state(self, average: Mapping[str, Tensor], random: dict | None) -> dict:
        """Plain data and tensors that a run goes on from."""
        ...


class Callback:
    """Watches a run; the methods that a subclass leaves out do nothing.

    Random numbers that a callback draws between epochs do not change the run.
    """

    def on_train_begin(self, trainer: TrainingRun) -> None:
        """A run begins, or goes on."""

    def on_step_end(self, trainer: TrainingRun, step: int, loss: Tensor, grad_norm: Tensor) -> None:
        """A step is done.

        Args:
            trainer: the run.
            step: its number, from 1 on.
            loss: a scalar on the device; reading it waits for the device.
            grad_norm: norm of all gradients before they were clipped, likewise a scalar on the device.
        """

    def on_epoch_end(self, trainer: TrainingRun, epoch: dict) -> None:
        """An epoch is done, validated and saved; `epoch` is its entry in the history."""

    def on_train_end(self, trainer: TrainingRun) -> None:
        """The run has ended for a reason, not for an error."""


def notify(callbacks: Sequence[Callback], event: str, run: TrainingRun, *values: Any) -> None:
    """Calls a method of all callbacks; random numbers that they draw between epochs are put back."""
    devices = [run.device] if run.device.type == "cuda" else []
    with torch.random.fork_rng(devices, enabled=event != "on_step_end"):
        for callback in callbacks:
            getattr(callback, event)(run, *values)


class Scalars(Callback):
    """Writes TensorBoard scalars: loss and gradients' norm of each step; losses, rate and speed of each epoch."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, Tensor, Tensor]] = []  # of the epoch under way

    def on_train_begin(self, trainer: TrainingRun) -> None:
        _events(self, trainer)
        self.steps = []

    def on_step_end(self, trainer: TrainingRun, step: int, loss: Tensor, grad_norm: Tensor) -> None:
        self.steps.append((step, loss, grad_norm))

    def on_epoch_end(self, trainer: TrainingRun, epoch: dict) -> None:
        events = _events(self, trainer)
        for step, loss, grad_norm in self.steps:
            events.add_scalar("step/loss", float(loss), step)
            events.add_scalar("step/grad_norm", float(grad_norm), step)
        self.steps = []
        for name in ("train_loss", "valid_loss", "lr", "samples_per_second"):
            events.add_scalar(name, epoch[name], epoch["step"])
        events.flush()


class Norms(Callback):
    """Writes, after each epoch, the norm of every weight and of its gradient, as it was clipped in the last step."""

    def on_train_begin(self, trainer: TrainingRun) -> None:
        _events(self, trainer)

    def on_epoch_end(self, trainer: TrainingRun, epoch: dict) -> None:
        events = _events(self, trainer)
        for name, parameter in trainer.model.network.named_parameters():
            events.add_scalar(f"weight_norm/{name}", float(parameter.detach().norm()), epoch["step"])
            if parameter.grad is not None:
                events.add_scalar(f"grad_norm/{name}", float(parameter.grad.norm()), epoch["step"])


class Snippets(Callback):
    """Separates the first examples of the validation data, and writes their sound and pictures.

    They lie in the model's folder under audio/ and images/, and go to TensorBoard's events, as the configuration's
    group `visualizer` asks, every `save_frequency` epochs and after the last one.
    """

    def __init__(self) -> None:
        self.written = 0  # the last step with snippets

    def on_train_begin(self, trainer: TrainingRun) -> None:
        if trainer.folder is None:
            raise InputError("callback Snippets writes into a model folder; give the trainer one")
        self.written = 0

    def on_epoch_end(self, trainer: TrainingRun, epoch: dict) -> None:
        if epoch["epoch"] % trainer.model.config.visualizer.save_frequency == 0:
            self.write(trainer)

    def on_train_end(self, trainer: TrainingRun) -> None:
        # A run that has nothing left to do has validated nothing either.
        if self.written != trainer.step and trainer.example is not None:
            self.write(trainer)

    def write(self, trainer: TrainingRun) -> None:
        """Writes the snippets as the model is now."""
        config, self.written = trainer.model.config, trainer.step
        assert trainer.folder is not None and trainer.example is not None  # a run with a folder, validated
        mixture, target = (tensor[: config.visualizer.num_snippets].float() for tensor in trainer.example)
        with trainer.averaged(), evaluating(trainer.model), torch.inference_mode():
            estimates = trainer.model.estimate(mixture.to(trainer.device)).audio.cpu().numpy()
        truths = targets_first(target, mixture).cpu().numpy()  # (batch, targets, channels, samples), both
        writer = SnippetWriter(trainer.folder, config.visualizer, config.model.sample_rate, trainer.events)
        for number, signal in enumerate(mixture.cpu().numpy()):
            for name, estimate, truth in zip(config.model.targets, estimates[number], truths[number], strict=True):
                panels = {"mixture": signal, "estimate": estimate, "truth": truth}
                writer.write(f"valid-{number + 1}-{name}", panels, trainer.step)


def default_callbacks(config: Config) -> list[Callback]:
    """The callbacks that a configuration's group `visualizer` asks for."""
    show = config.visualizer
    events: list[Callback] = [Scalars(), Norms()] if show.tensorboard else []
    wanted = show.num_snippets and (show.save_audio or show.save_images or show.tensorboard)
    return events + ([Snippets()] if wanted else [])


@contextlib.contextmanager
def open_events(run: TrainingRun) -> Iterator[None]:
    """Gives a run with a folder its TensorBoard events while the block runs, if its configuration wants them."""
    if run.folder is None or not run.model.config.visualizer.tensorboard:
        yield
        return
    with event_writer(run.folder.runs) as run.events:
        try:
            yield
        finally:
            run.events = None


def _events(callback: Callback, trainer: TrainingRun) -> "SummaryWriter":
    if trainer.events is None:
        raise InputError(
            f"callback {type(callback).__name__} writes TensorBoard events, for which the trainer needs a "
            "folder, and the model's configuration visualizer.tensorboard"
        )
    return trainer.events
