"""What watches a run of `ModelTrainer`: TensorBoard's scalars, norms, snippets to look at and to listen to."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from auralflow_core.config import Config
from auralflow_core.errors import InputError
from auralflow_core.training.snippets import SnippetWriter
from auralflow_torch.eval_mode import evaluating
from auralflow_torch.losses.criteria import targets_first

if TYPE_CHECKING:
    from auralflow_torch.train.trainer import ModelTrainer


class Callback:
    """Is told what happens in a run; the methods that a subclass leaves out do nothing.

    The trainer's model holds the weights that are trained, and `with trainer.averaged():` those that are validated.
    The trainer has, among others, `model`, `optimizer`, `history`, `step`, `folder`, `events` (a writer of TensorBoard
    events, None without a folder) and `example` (a validation batch). What a callback draws from torch's random
    numbers between epochs does not change the run.
    """

    def on_train_begin(self, trainer: "ModelTrainer") -> None:
        """A run begins, or goes on."""

    def on_step_end(self, trainer: "ModelTrainer", step: int, loss: Tensor, grad_norm: Tensor) -> None:
        """A step is done.

        Args:
            trainer: the run's.
            step: its number, from 1 on.
            loss: a scalar on the device; reading it waits for the device.
            grad_norm: of all gradients before they were clipped, the same.
        """

    def on_epoch_end(self, trainer: "ModelTrainer", epoch: dict) -> None:
        """An epoch is done, validated and saved; its entry in the history."""

    def on_train_end(self, trainer: "ModelTrainer") -> None:
        """The run has ended for a reason, not for an error."""


class Scalars(Callback):
    """Writes TensorBoard scalars: loss and gradients' norm of each step; losses, rate and speed of each epoch."""

    def on_train_begin(self, trainer: "ModelTrainer") -> None:
        _check_events(self, trainer)
        self.steps: list[tuple[int, Tensor, Tensor]] = []

    def on_step_end(self, trainer: "ModelTrainer", step: int, loss: Tensor, grad_norm: Tensor) -> None:
        self.steps.append((step, loss, grad_norm))

    def on_epoch_end(self, trainer: "ModelTrainer", epoch: dict) -> None:
        for step, loss, grad_norm in self.steps:
            trainer.events.add_scalar("step/loss", float(loss), step)
            trainer.events.add_scalar("step/grad_norm", float(grad_norm), step)
        self.steps = []
        for name in ("train_loss", "valid_loss", "lr", "samples_per_second"):
            trainer.events.add_scalar(name, epoch[name], epoch["step"])
        trainer.events.flush()


class Norms(Callback):
    """Writes, after each epoch, the norm of every weight and of its gradient, as it was clipped in the last step."""

    def on_train_begin(self, trainer: "ModelTrainer") -> None:
        _check_events(self, trainer)

    def on_epoch_end(self, trainer: "ModelTrainer", epoch: dict) -> None:
        for name, parameter in trainer.model.network.named_parameters():
            trainer.events.add_scalar(f"weight_norm/{name}", float(parameter.detach().norm()), epoch["step"])
            if parameter.grad is not None:
                trainer.events.add_scalar(f"grad_norm/{name}", float(parameter.grad.norm()), epoch["step"])


class Snippets(Callback):
    """Separates the first examples of the validation data, and writes their sound and pictures.

    They lie in the model's folder under audio/ and images/, and go to TensorBoard's events, as the configuration's
    group `visualizer` asks, every `save_frequency` epochs and after the last one.
    """

    def on_train_begin(self, trainer: "ModelTrainer") -> None:
        if trainer.folder is None:
            raise InputError("callback Snippets writes into a model folder; give the trainer one")
        self.written = 0  # the last step with snippets

    def on_epoch_end(self, trainer: "ModelTrainer", epoch: dict) -> None:
        if epoch["epoch"] % trainer.model.config.visualizer.save_frequency == 0:
            self.write(trainer)

    def on_train_end(self, trainer: "ModelTrainer") -> None:
        # A run that has nothing left to do has validated nothing either.
        if self.written != trainer.step and trainer.example is not None:
            self.write(trainer)

    def write(self, trainer: "ModelTrainer") -> None:
        """Writes the snippets as the model is now."""
        config, self.written = trainer.model.config, trainer.step
        mixture, target = (tensor[: config.visualizer.num_snippets].float() for tensor in trainer.example)
        with trainer.averaged(), evaluating(trainer.model), torch.inference_mode():
            estimates = trainer.model.estimate(mixture.to(trainer.device)).audio.cpu().numpy()
        truths = targets_first(target, mixture).cpu().numpy()  # (batch, targets, channels, samples), both
        writer = SnippetWriter(trainer.folder, config.visualizer, config.model.sample_rate, trainer.events)
        for number, signal in enumerate(mixture.cpu().numpy()):
            for name, estimate, truth in zip(config.model.targets, estimates[number], truths[number], strict=True):
                writer.write(
                    f"valid-{number + 1}-{name}",
                    {"mixture": signal, "estimate": estimate, "truth": truth},
                    trainer.step,
                )


def default_callbacks(config: Config) -> list[Callback]:
    """The callbacks that a configuration's group `visualizer` asks for."""
    show = config.visualizer
    events: list[Callback] = [Scalars(), Norms()] if show.tensorboard else []
    wanted = show.num_snippets and (show.save_audio or show.save_images or show.tensorboard)
    return events + ([Snippets()] if wanted else [])


def _check_events(callback: Callback, trainer: "ModelTrainer") -> None:
    if trainer.events is None:
        raise InputError(
            f"callback {type(callback).__name__} writes TensorBoard events, for which the trainer needs a "
            "folder, and the model's configuration visualizer.tensorboard"
        )
