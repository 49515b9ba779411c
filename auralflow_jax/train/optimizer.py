"""AdamW with warm-up, clipping and a decaying rate."""

from typing import Any

import jax
import optax

from auralflow_core.config import TrainingConfig


def learning_rate(training: TrainingConfig, total_steps: int) -> optax.Schedule:
    """The rate at each step: a linear rise over `warmup_steps`, then constant or a half cosine down to zero.

    The plateau schedule is constant here; its reductions are in the state: `lr_scale`, by
    `auralflow_core.training.schedule.plateau`.
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


def update(
    optimizer: optax.GradientTransformation, gradients: Any, state: optax.OptState, params: Any, **extra: Any
) -> tuple[Any, optax.OptState]:
    """`optimizer.update`, also in a program that is strict about the promotion of types.

    Optax takes powers of floats with whole numbers, which such a program forbids.

    Args:
        optimizer: any of optax's.
        gradients: a tree of arrays, like `params`.
        state: the optimizer's.
        params: the tree that the gradients belong to.
        extra: what else the optimizer's `update` takes.

    Returns:
        The updates, a tree like `params` that is added to it, and the optimizer's next state.
    """
    with jax.numpy_dtype_promotion("standard"):
        return optimizer.update(gradients, state, params, **extra)
