"""The jitted steps: raw audio goes in, everything else happens inside."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh

from auralflow_core.config import TrainingConfig
from auralflow_jax.losses import Loss
from auralflow_jax.metrics import si_sdr_from_sums
from auralflow_jax.models.base import Variables
from auralflow_jax.train.sharding import Batch, divided, replicated
from auralflow_jax.train.state import TrainState


def make_train_step(
    model, criterion: Loss, optimizer: optax.GradientTransformation, training: TrainingConfig, mesh: Mesh
) -> Callable[[TrainState, Batch], tuple[TrainState, dict[str, jax.Array]]]:
    """Builds `train_step(state, batch) -> (state, metrics)`; the state that goes in is donated.

    A batch holds `mixture` (batch, channels, samples) and `targets` (batch, targets, channels, samples).
    The metrics, `loss` and `grad_norm`, stay on the device until somebody reads them.
    """
    key = jax.random.key(training.seed)

    def train_step(state: TrainState, batch: Batch):
        def objective(params):
            variables = {"params": params, "batch_stats": state.batch_stats}
            estimate, batch_stats = model.apply_and_update(
                variables, batch["mixture"], True, jax.random.fold_in(key, state.step)
            )
            return compare(model, criterion, estimate, batch), batch_stats

        (loss, batch_stats), gradients = jax.value_and_grad(objective, has_aux=True)(state.params)
        updates, opt_state = optimizer.update(gradients, state.opt_state, state.params)
        params = optax.apply_updates(state.params, jax.tree.map(lambda u: u * state.lr_scale, updates))
        fresh = {"params": params, "batch_stats": batch_stats}
        state = state.replace(
            step=state.step + 1,
            params=params,
            batch_stats=batch_stats,
            opt_state=opt_state,
            ema=average(state.ema, fresh, state.step, training.ema_decay),
        )
        return state, {"loss": loss, "grad_norm": optax.tree.norm(gradients)}

    whole = replicated(mesh)
    return jax.jit(train_step, donate_argnums=0, in_shardings=(whole, divided(mesh)), out_shardings=(whole, whole))


def average(ema: Variables, fresh: Variables, step: jax.Array, decay: float) -> Variables:
    """Exponential moving average of weights and statistics.

    The decay rises as (1 + step) / (10 + step) up to `decay`, so that the random start is soon forgotten.
    """
    decay = jnp.minimum(decay, (1 + step) / (10 + step))
    return jax.tree.map(lambda old, new: (decay * old + (1 - decay) * new).astype(old.dtype), ema, fresh)


def compare(model, criterion: Loss, estimate, batch: Batch) -> jax.Array:
    """The criterion's value, a scalar, of an estimate for a batch's mixture."""
    return criterion(estimate, model.represent(batch["targets"]), model.represent(batch["mixture"][:, None]))


def empty_sums(tracks: int, targets: int) -> dict[str, jax.Array]:
    """Zeros for `eval_step` to add to: products over whole tracks, of which the metrics are made."""
    names = ("dot", "truth", "estimate", "mixture_dot", "mixture")
    return {"loss": jnp.zeros(()), "weight": jnp.zeros(())} | {name: jnp.zeros((tracks, targets)) for name in names}


def make_eval_step(model, criterion: Loss, mesh: Mesh) -> Callable[[Variables, Batch, dict], dict[str, jax.Array]]:
    """Builds `eval_step(variables, batch, sums) -> sums`, which adds a batch of segments to the sums.

    Beside the audio, a batch holds `track` (batch,), the index of each segment's track, and `weight` (batch,),
    its share of real audio: 0 for a segment that only fills the batch.
    """

    def eval_step(variables: Variables, batch: Batch, sums: dict[str, jax.Array]):
        estimate = model.apply(variables, batch["mixture"])

        def one(estimate, mixture, targets):
            """The loss of one segment, as a batch of one."""
            one_batch = {"mixture": mixture[None], "targets": targets[None]}
            return compare(model, criterion, jax.tree.map(lambda x: x[None], estimate), one_batch)

        losses = jax.vmap(one)(estimate, batch["mixture"], batch["targets"])
        tracks, samples = sums["dot"].shape[0], batch["mixture"].shape[-1]
        # A track's last segment is filled up with zeros, which an estimate smears into; the track ends before them.
        inside = jnp.arange(samples) < jnp.round(samples * batch["weight"])[:, None]  # (batch, samples)
        audio = estimate.audio * inside[:, None, None]

        def add(name, a, b):
            products = (a * b).sum((-2, -1))  # (batch, targets)
            return sums[name] + jax.ops.segment_sum(products, batch["track"], tracks)

        truth, mixture = batch["targets"], batch["mixture"][:, None]
        return {
            "loss": sums["loss"] + (losses * batch["weight"]).sum(),
            "weight": sums["weight"] + batch["weight"].sum(),
            "dot": add("dot", audio, truth),
            "truth": add("truth", truth, truth),
            "estimate": add("estimate", audio, audio),
            "mixture_dot": add("mixture_dot", mixture, truth),
            "mixture": add("mixture", mixture, mixture),
        }

    whole = replicated(mesh)
    return jax.jit(eval_step, donate_argnums=2, in_shardings=(whole, divided(mesh), whole), out_shardings=whole)


def read_sums(sums: dict[str, jax.Array]) -> tuple[float, jax.Array, jax.Array]:
    """The mean loss per segment, and SI-SDR (tracks, targets) in dB of the estimates and of the mixture."""
    estimate = si_sdr_from_sums(sums["dot"], sums["truth"], sums["estimate"])
    mixture = si_sdr_from_sums(sums["mixture_dot"], sums["truth"], sums["mixture"])
    return float(sums["loss"] / sums["weight"]), estimate, mixture
