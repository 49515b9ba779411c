"""The training state: data only, a pytree without callables."""

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import optax
from flax import struct
from flax.traverse_util import flatten_dict, unflatten_dict
from jax.sharding import Mesh

from auralflow_core.config import Config
from auralflow_jax.models.base import SeparationModel, Variables
from auralflow_jax.train.sharding import replicated


class TrainState(struct.PyTreeNode):
    """The data that an optimizer step updates."""

    step: jax.Array  # shape=(), dtype=int32: optimizer steps taken
    params: dict
    batch_stats: dict
    opt_state: optax.OptState
    ema: Variables  # averaged params and batch_stats; equal to them where ema_decay is 0
    lr_scale: jax.Array  # shape=(), dtype=float32: product of the plateau's reductions

    @property
    def variables(self) -> Variables:
        """The weights and statistics that the optimizer works on."""
        return {"params": self.params, "batch_stats": self.batch_stats}


@dataclass
class RunState:
    """Where a run stands: all that a checkpoint holds."""

    state: TrainState
    history: list[dict] = field(default_factory=list)  # one entry for every epoch
    losses: list[float] = field(default_factory=list)  # of the steps since the last epoch's end
    data: dict | None = None  # what the steps before these were trained on, see `TrainingPlan.data`; None where unknown

    @property
    def valid_losses(self) -> list[float]:
        """The validation loss of every epoch."""
        return [epoch["valid_loss"] for epoch in self.history]


def new_state(variables: Variables, optimizer: optax.GradientTransformation) -> TrainState:
    """The state before the first step."""
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=variables["params"],
        batch_stats=variables["batch_stats"],
        opt_state=optimizer.init(variables["params"]),
        # A copy: the step donates its input, and one buffer cannot be donated twice.
        ema=jax.tree.map(jnp.copy, {key: variables[key] for key in ("params", "batch_stats")}),
        lr_scale=jnp.ones((), jnp.float32),
    )


def initial_state(
    model: SeparationModel, optimizer: optax.GradientTransformation, config: Config, weights: Variables | None = None
) -> TrainState:
    """The state before the first step, of variables drawn from the configuration's seed.

    Args:
        model: whose variables are drawn.
        optimizer: whose state goes with them.
        config: its `training.seed` and the length of its crops.
        weights: replace the variables of the same names.
    """
    fresh = flatten_dict(model.init(jax.random.key(config.training.seed), config.crop_samples), keep_empty_nodes=True)
    return new_state(unflatten_dict(fresh | flatten_dict(weights or {})), optimizer)


def abstract_state(
    model: SeparationModel, optimizer: optax.GradientTransformation, config: Config, mesh: Mesh
) -> TrainState:
    """Shapes, types and shardings of `initial_state`, without computing it."""
    shapes = jax.eval_shape(lambda: initial_state(model, optimizer, config))
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=replicated(mesh)), shapes)
