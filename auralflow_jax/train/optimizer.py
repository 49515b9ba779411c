"""Optimizers with warm-up, clipping and a decaying rate."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
import optax.contrib

from auralflow_core.config import TrainingConfig
from auralflow_jax.train.muon import muon


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
    """Clipping by the global norm, then the optimizer that the settings name."""
    make = {"adamw": _adamw, "muon": _muon, "prodigy": _prodigy, "schedule_free_adamw": _schedule_free_adamw}
    optimizer = make[training.optimizer](learning_rate(training, total_steps), training.weight_decay)
    return optax.chain(optax.clip_by_global_norm(training.max_grad_norm), optimizer)


def _adamw(rate: optax.Schedule, weight_decay: float) -> optax.GradientTransformation:
    """Loshchilov and Hutter 2019, "Decoupled weight decay regularization"."""
    return optax.adamw(rate, weight_decay=weight_decay)


def _muon(rate: optax.Schedule, weight_decay: float) -> optax.GradientTransformation:
    return muon(rate, weight_decay)


def _prodigy(rate: optax.Schedule, weight_decay: float) -> optax.GradientTransformation:
    """Mishchenko and Defazio 2024, "Prodigy: an expeditiously adaptive parameter-free learner"."""
    # The safeguard keeps steps of the warm-up from counting too much.
    found = optax.contrib.prodigy(rate, weight_decay=weight_decay, safeguard_warmup=True)
    # A copy: its state holds the first weights, and the step that donates both cannot donate one buffer twice.
    return found._replace(init=lambda params: found.init(jax.tree.map(jnp.copy, params)))


def _schedule_free_adamw(rate: optax.Schedule, weight_decay: float) -> optax.GradientTransformation:
    """Defazio et al. 2024, "The road less scheduled"."""
    steps = optax.chain(
        optax.scale_by_rms(decay=0.999, eps=1e-8, eps_in_sqrt=False, bias_correction=True),
        optax.add_decayed_weights(weight_decay),
        optax.scale_by_learning_rate(rate),
    )
    # It counts steps from 1 on, and the rate counts them from 0.
    return optax.contrib.schedule_free(steps, lambda step: rate(step - 1), b1=0.9)


def evaluated(params: Any, state: optax.OptState) -> Any:
    """The weights to validate and keep: those that are trained, or the average that a schedule-free optimizer makes.

    Args:
        params: the weights at which gradients are taken.
        state: the optimizer's, any of optax's.
    """
    kind = optax.contrib.ScheduleFreeState
    found = [
        part for part in jax.tree.leaves(state, is_leaf=lambda part: isinstance(part, kind)) if isinstance(part, kind)
    ]
    return optax.contrib.schedule_free_eval_params(found[0], params) if found else params


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
