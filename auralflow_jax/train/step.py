"""The jitted training step: raw audio goes in, everything else happens inside."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from auralflow_core.console.text import count
from auralflow_core.errors import InputError
from auralflow_jax.compilation import step_options
from auralflow_jax.lora import frozen_statistics
from auralflow_jax.models.base import Estimate, SeparationModel, Variables
from auralflow_jax.train import sharding
from auralflow_jax.train.optimizer import evaluated, update
from auralflow_jax.train.sharding import Batch
from auralflow_jax.train.state import TrainState

EstimateLoss = Callable[[Estimate, Estimate, Estimate], jax.Array]  # of estimate, truth and mixture, as `Loss` is
Gradient = Callable[[TrainState, Batch, dict, jax.Array], tuple[jax.Array, dict, dict]]
TrainStep = Callable[[TrainState, Batch], tuple[TrainState, dict[str, jax.Array]]]


def make_train_step(
    model: SeparationModel,
    loss: EstimateLoss,
    optimizer: optax.GradientTransformation,
    *,
    seed: int = 0,
    ema_decay: float = 0.0,
    accumulate_steps: int = 1,
    state_sharding: Any = None,
    batch_sharding: Any = None,
) -> TrainStep:
    """Builds `train_step(state, batch) -> (state, metrics)`, jitted; the state that goes in is donated.

    A batch holds `mixture` (batch, channels, samples) and `targets` (batch, targets, channels, samples), float32.
    The metrics, `loss` and `grad_norm` (before clipping), are scalars that stay on the device until they are read.

    Args:
        model: its `apply_and_update` runs in training mode.
        loss: a function `loss(estimate, truth, mixture)` of estimates; see `auralflow_jax.losses`.
        optimizer: gets the loss as `value`, which optax's `reduce_on_plateau` and the like work by; its updates are
            multiplied by the state's `lr_scale`.
        seed: of the random numbers, which depend on it and on the step's number alone.
        ema_decay: of the average in the state's `ema`; see `average`. Of a schedule-free optimizer's average, if it is
            one.
        accumulate_steps: equal parts of the batch that are computed one after the other, in the memory that one of them
            takes; their losses and gradients are averaged. Statistics of batches are those of the parts.
        state_sharding: of the state, as `jax.jit` takes shardings; default: replicated on all devices.
        batch_sharding: of the batch; default: its first axis is divided over all devices.

    Raises:
        InputError: at the first call with a batch of wrong names or shapes; see `check_batch`.

    Example:
        state = new_state(variables, optimizer)
        train_step = make_train_step(model, loss, optimizer)
        state, metrics = train_step(state, {"mixture": mixture, "targets": targets})
    """
    optimizer, root = optax.with_extra_args_support(optimizer), jax.random.key(seed)
    differentiate, mesh = make_gradient(model, loss), sharding.make_mesh()

    def train_step(state: TrainState, batch: Batch) -> tuple[TrainState, dict[str, jax.Array]]:
        check_batch(model, batch)
        key = jax.random.fold_in(root, state.step)
        with sharding.divided(mesh if batch_sharding is None else None):
            value, gradients, batch_stats = accumulate(differentiate, accumulate_steps, state, batch, key)
        updates, opt_state = update(optimizer, gradients, state.opt_state, state.params, value=value)
        params = optax.apply_updates(state.params, jax.tree.map(lambda u: u * state.lr_scale, updates))
        fresh = {"params": evaluated(params, opt_state), "batch_stats": batch_stats}
        state = state.replace(
            step=state.step + 1,
            params=params,
            batch_stats=batch_stats,
            opt_state=opt_state,
            ema=average(state.ema, fresh, state.step, ema_decay),
        )
        return state, {"loss": value, "grad_norm": optax.tree.norm(gradients)}

    states, results = (sharding.replicated(mesh),) * 2 if state_sharding is None else (state_sharding, None)
    batches = sharding.batch_sharding(mesh) if batch_sharding is None else batch_sharding
    return jax.jit(
        train_step,
        donate_argnums=0,
        in_shardings=(states, batches),
        out_shardings=(states, results),
        compiler_options=step_options(),
    )


def make_gradient(model: SeparationModel, loss: EstimateLoss) -> Gradient:
    """Builds `differentiate(state, batch, batch_stats, key) -> (loss, gradients, batch statistics after it)`."""

    def differentiate(
        state: TrainState, batch: Batch, batch_stats: dict, key: jax.Array
    ) -> tuple[jax.Array, dict, dict]:
        def objective(params: dict) -> tuple[jax.Array, dict]:
            variables = {"params": state.applied(params), "batch_stats": batch_stats}
            with frozen_statistics(state.is_frozen):
                estimate, updated = model.apply_and_update(variables, batch["mixture"], True, key)
            return compare(model, loss, estimate, batch), updated

        (value, updated), gradients = jax.value_and_grad(objective, has_aux=True)(state.params)
        return value, gradients, updated

    return differentiate


def accumulate(
    differentiate: Gradient, parts: int, state: TrainState, batch: Batch, key: jax.Array
) -> tuple[jax.Array, dict, dict]:
    """The means of loss and gradients over equal parts of a batch, and the batch statistics after the last one.

    Args:
        differentiate: see `make_gradient`.
        parts: number of them.
        state: before the step.
        batch: its first axis is divided.
        key: of the step; each of several parts has its own.

    Raises:
        InputError: the batch cannot be divided.
    """
    if parts == 1:
        return differentiate(state, batch, state.batch_stats, key)
    size = len(batch["mixture"])
    if size % parts:
        raise InputError(f"a batch of {size} cannot be divided into accumulate_steps {parts} parts of equal size")
    # Every part has its share of what each device holds, so that nothing moves between devices.
    divided = {name: x.reshape(size // parts, parts, *x.shape[1:]).swapaxes(0, 1) for name, x in batch.items()}

    def add(sums: tuple, part: tuple[jax.Array, Batch]) -> tuple[tuple, None]:
        (loss, gradients, batch_stats), (index, batch) = sums, part
        value, more, batch_stats = differentiate(state, batch, batch_stats, jax.random.fold_in(key, index))
        return (loss + value, jax.tree.map(jnp.add, gradients, more), batch_stats), None

    nothing = (jnp.zeros((), jnp.float32), jax.tree.map(jnp.zeros_like, state.params), state.batch_stats)
    (loss, gradients, batch_stats), _ = jax.lax.scan(add, nothing, (jnp.arange(parts), divided))
    return loss / parts, jax.tree.map(lambda x: x / parts, gradients), batch_stats


def average(ema: Variables, fresh: Variables, step: jax.Array, decay: float) -> Variables:
    """Exponential moving average of weights and statistics.

    The decay rises as (1 + step) / (10 + step) up to `decay`, so that the random start is soon forgotten.
    """
    share = jnp.minimum(decay, (1 + step) / (10 + step))

    def mix(old: jax.Array, new: jax.Array) -> jax.Array:
        # Statistics that do not change stay as they are; their sum could differ in the last bit.
        return jnp.where(old == new, old, (share * old + (1 - share) * new).astype(old.dtype))

    return jax.tree.map(mix, ema, fresh)


def check_batch(model: SeparationModel, batch: Mapping[str, Any]) -> None:
    """Refuses a batch without the arrays that a step needs, or with shapes that a loss could broadcast unnoticed.

    Raises:
        InputError: `mixture` or `targets` is missing or has another shape than the model's.
    """
    if missing := sorted({"mixture", "targets"} - set(batch)):
        raise InputError(f"a batch holds {', '.join(map(repr, batch))} and lacks {', '.join(map(repr, missing))}")
    mixture, targets = (np.shape(batch[name]) for name in ("mixture", "targets"))
    if len(mixture) != 3 or targets != (*mixture[:1], len(model.targets), *mixture[1:]):
        raise InputError(
            f"a batch holds mixture {mixture} and targets {targets}, expected (batch, channels, samples) "
            f"and (batch, targets, channels, samples) with {count(len(model.targets), 'target')}"
        )


def compare(model: SeparationModel, loss: EstimateLoss, estimate: Estimate, batch: Batch) -> jax.Array:
    """The loss, a scalar, of an estimate for a batch's mixture."""
    return loss(estimate, model.represent(batch["targets"]), model.represent(batch["mixture"][:, None]))
