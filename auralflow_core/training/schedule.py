"""Decisions that follow from the history of a run alone, so that a run that goes on needs no other state."""

from collections.abc import Sequence

from auralflow_core.config import TrainingConfig
from auralflow_core.console.progress import duration
from auralflow_core.console.text import count


def best_epoch(history: Sequence[dict]) -> dict:
    """The first epoch with the lowest validation loss, of dicts with `valid_loss`."""
    return min(history, key=lambda epoch: epoch["valid_loss"])


def plateau(losses: list[float], training: TrainingConfig) -> tuple[float, int]:
    """Computes how far a history of validation losses has reduced the learning rate.

    Args:
        losses: validation loss of every epoch so far.
        training: `lr_patience` epochs without a better loss multiply the rate by `lr_decay`.

    Returns:
        The factor of the learning rate, and the number of reductions.

    Example:
        >>> plateau([3.0, 2.0, 2.5, 2.5], TrainingConfig(lr_patience=2))
        (0.5, 1)
    """
    if training.lr_schedule != "plateau":
        return 1.0, 0
    best, waited, reductions = float("inf"), 0, 0
    for loss in losses:
        waited = 0 if loss < best else waited + 1
        best = min(best, loss)
        if waited == training.lr_patience:
            waited, reductions = 0, reductions + 1
    return training.lr_decay ** min(reductions, training.max_lr_steps), reductions


def reason_to_stop(losses: list[float], training: TrainingConfig) -> str | None:
    """Says why a run with this history of validation losses has ended; None if it goes on."""
    if len(losses) >= training.max_epochs:
        return "the only epoch is done" if training.max_epochs == 1 else f"all {training.max_epochs} epochs are done"
    since_best = len(losses) - 1 - losses.index(min(losses)) if losses else 0
    if since_best >= training.stop_patience:
        return f"no better validation loss in {count(since_best, 'epoch')} (stop_patience)"
    reductions = plateau(losses, training)[1]
    if reductions > training.max_lr_steps:
        return f"the learning rate was reduced {training.max_lr_steps} times and the loss still stands (max_lr_steps)"
    return None


def remedy(checkpoint: int | None, unit: str = "step") -> str:
    """Says how to go on after a loss that is not finite, as the end of a message.

    Args:
        checkpoint: the step or epoch of the latest checkpoint, None before the first.
        unit: `step` or `epoch`.
    """
    last = (
        "there is no checkpoint yet"
        if checkpoint is None
        else f"the last good checkpoint is that of {unit} {checkpoint}"
    )
    return f"{last}; try a smaller training.lr or training.max_grad_norm, and look for damaged audio"


STAR = "A star marks the best epoch so far, by the validation loss."


def epoch_line(history: Sequence[dict], max_epochs: int, scores: str = "") -> str:
    """The latest epoch in one line, the best so far with a star.

    Args:
        history: dicts with `epoch`, `train_loss`, `valid_loss`, `samples_per_second`, `seconds`, and `lr` if it is
            known.
        max_epochs: of the whole run.
        scores: further results of validation.
    """
    entry = history[-1]
    mark = "*" if best_epoch(history) is entry else " "
    left = (max_epochs - len(history)) * entry["seconds"]
    rate = f"lr {entry['lr']:.2g}  " if "lr" in entry else ""
    return (
        f"epoch {entry['epoch']:>3}  train {entry['train_loss']:.4f}  valid {entry['valid_loss']:.4f} {mark}  "
        f"{scores}{'  ' * bool(scores)}{rate}{entry['samples_per_second']:.1f} samples/s  "
        f"at most {duration(left)} left"
    )
