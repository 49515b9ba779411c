"""AdamW with warm-up, clipping and a decaying rate; and the rules that read a run's history."""

import optax

from auralflow.config import TrainingConfig


def learning_rate(training: TrainingConfig, total_steps: int) -> optax.Schedule:
    """The rate at each step: a linear rise over `warmup_steps`, then constant or a half cosine down to zero.

    The plateau schedule is constant here; its reductions are the state's `lr_scale`, see `plateau`.
    """
    # A quarter of the run at most, so that a run of few steps gets past its warm-up.
    warmup = min(training.warmup_steps, total_steps // 4)
    if training.lr_schedule == "cosine":
        main = optax.cosine_decay_schedule(training.lr, max(total_steps - warmup, 1))
    else:
        main = optax.constant_schedule(training.lr)
    rise = optax.linear_schedule(training.lr / (warmup + 1), training.lr, max(warmup, 1))
    return optax.join_schedules([rise, main], [warmup])


def make_optimizer(training: TrainingConfig, total_steps: int) -> optax.GradientTransformation:
    """Clipping by the global norm, then AdamW (Loshchilov and Hutter 2019, "Decoupled weight decay")."""
    return optax.chain(
        optax.clip_by_global_norm(training.max_grad_norm),
        optax.adamw(learning_rate(training, total_steps), weight_decay=training.weight_decay),
    )


def plateau(losses: list[float], training: TrainingConfig) -> tuple[float, int]:
    """What a history of validation losses makes of the learning rate.

    Pure in the history, so that a resumed run needs no other state.

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
    return training.lr_decay**min(reductions, training.max_lr_steps), reductions


def reason_to_stop(losses: list[float], training: TrainingConfig) -> str | None:
    """Why a run with this history of validation losses has ended, in words, or None where it goes on."""
    if len(losses) >= training.max_epochs:
        return f"all {training.max_epochs} epochs are done"
    since_best = len(losses) - 1 - losses.index(min(losses)) if losses else 0
    if since_best >= training.stop_patience:
        return f"no better validation loss in {since_best} epochs (stop_patience)"
    reductions = plateau(losses, training)[1]
    if reductions > training.max_lr_steps:
        return f"the learning rate was reduced {training.max_lr_steps} times and the loss still stands (max_lr_steps)"
    return None
