"""The training state: data only, a pytree without callables."""

import jax
import jax.numpy as jnp
import optax
from flax import struct

from auralflow_jax.models.base import Variables


class TrainState(struct.PyTreeNode):
    """Everything a run needs to go on, beside its configuration and history."""

    step: jax.Array  # shape=(), dtype=int32: optimizer steps taken
    params: dict
    batch_stats: dict
    opt_state: optax.OptState
    ema: Variables  # averaged params and batch_stats; equal to them where ema_decay is 0
    lr_scale: jax.Array  # shape=(), dtype=float32: product of the plateau's reductions

    @property
    def variables(self) -> Variables:
        """What the optimizer works on."""
        return {"params": self.params, "batch_stats": self.batch_stats}


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
