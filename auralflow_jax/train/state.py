"""The training state: data only, a pytree without callables."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from flax.traverse_util import flatten_dict, unflatten_dict
from jax.sharding import Mesh

from auralflow_core.config import Config, TrainingConfig
from auralflow_core.weights.frozen import frozen_names
from auralflow_core.weights.names import torch_layout
from auralflow_jax.lora import adapt, draw_adapters
from auralflow_jax.models.base import SeparationModel, Variables
from auralflow_jax.train.sharding import make_mesh, replicated


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
        """The network's weights and statistics, as the optimizer has made them."""
        return {"params": self.whole(self.params), "batch_stats": self.batch_stats}

    @property
    def averaged(self) -> Variables:
        """The average of the network's weights and statistics, which is validated and kept."""
        return {"params": self.whole(self.ema["params"]), "batch_stats": self.ema["batch_stats"]}

    def fetch_averaged(self) -> Variables:
        """`averaged` on the host; of several processes one alone may call it."""
        needed = jax.device_get(self.replace(params={}, opt_state=()))
        return jax.device_get(needed.averaged)

    def whole(self, params: dict) -> dict:
        """All of a network's weights, given those that are trained."""
        return params

    def applied(self, params: dict) -> dict:
        """`whole` for a step of training, which may leave adapters beside the weights."""
        return self.whole(params)

    def is_frozen(self, module: Sequence[str]) -> bool:
        """Whether no weight of a module is trained, given the names that lead to it; its statistics then stay, too."""
        return False


class PartialState(TrainState):
    """The state of a run in which layers are frozen; `params`, and those of `ema`, are the weights of the others."""

    base: dict  # the frozen weights

    def whole(self, params: dict) -> dict:
        return unflatten_dict(flatten_dict(self.base) | flatten_dict(params))

    def is_frozen(self, module: Sequence[str]) -> bool:
        return not any(path[: len(module)] == tuple(module) for path in flatten_dict(self.params))


class LoraState(TrainState):
    """The state of a run that trains adapters of a network; `params`, and those of `ema`, are theirs."""

    base: dict  # the network's weights
    scale: float = struct.field(pytree_node=False)  # of the adapters

    @property
    def averaged(self) -> Variables:
        return {"params": self.whole(self.ema["params"]), "batch_stats": self.batch_stats}

    def whole(self, params: dict) -> dict:
        return adapt(self.base, params, self.scale)

    def applied(self, params: dict) -> dict:
        return adapt(self.base, params, self.scale, beside=True)

    def is_frozen(self, module: Sequence[str]) -> bool:
        return True


@dataclass
class RunState:
    """Where a run stands: all that a checkpoint holds."""

    state: TrainState
    history: list[dict] = field(default_factory=list)  # one entry for every epoch
    losses: list[float] = field(default_factory=list)  # of the steps since the last epoch's end
    data: dict | None = None  # what the steps before these were trained on, see `TrainingPlan.data`; None where unknown
    base: str = ""  # the name of the model that adapters are trained for

    @property
    def valid_losses(self) -> list[float]:
        """The validation loss of every epoch."""
        return [epoch["valid_loss"] for epoch in self.history]


def new_state(
    variables: Variables, optimizer: optax.GradientTransformation, frozen: Collection[str] = (), *, sharding: Any = None
) -> TrainState:
    """The state before the first step, on the devices where the steps put the next ones.

    Args:
        variables: of the network.
        optimizer: of the weights that are trained.
        frozen: layers whose weights and statistics stay as they are; see `auralflow_core.weights.frozen`.
        sharding: the `state_sharding` of `make_train_step`; default: replicated on all devices.

    Raises:
        InputError: a layer does not exist, or nothing is left to train.
    """
    state = _new_state(variables, optimizer, frozen)
    # Laid out as the step returns it, so that the second step finds it compiled.
    return jax.device_put(state, replicated(make_mesh()) if sharding is None else sharding)


def _new_state(variables: Variables, optimizer: optax.GradientTransformation, frozen: Collection[str]) -> TrainState:
    """`new_state`, wherever the variables are."""
    if not frozen:
        return _start(TrainState, variables, optimizer)
    layout = torch_layout({"params": variables["params"]})
    paths = {place.path[1:] for name, place in layout.items() if place.path and name in frozen_names(layout, frozen)}
    weights = flatten_dict(variables["params"])
    base, params = (
        unflatten_dict({path: leaf for path, leaf in weights.items() if (path in paths) is is_frozen})
        for is_frozen in (True, False)
    )
    return _start(PartialState, variables | {"params": params}, optimizer, base=base)


def start_state(variables: Variables, optimizer: optax.GradientTransformation, training: TrainingConfig) -> TrainState:
    """The state before the first step of a run: of the weights or, with a `lora_rank`, of fresh adapters of them.

    Args:
        variables: of the network; with adapters they are the base.
        optimizer: of what is trained.
        training: its `frozen`, `lora_rank`, `lora_alpha` and `seed`.

    Raises:
        InputError: adapters are wanted of a network that has no linear layer; or as `new_state`.
    """
    if not training.lora_rank:
        return _new_state(variables, optimizer, training.frozen)
    adapters = draw_adapters(variables["params"], training.lora_rank, jax.random.key(training.seed))
    fields = {"base": variables["params"], "scale": training.lora_scale}
    return _start(LoraState, variables | {"params": adapters}, optimizer, **fields)


def _start(kind: type[TrainState], variables: Variables, optimizer: optax.GradientTransformation, **fields: Any) -> Any:
    """A state of a kind, whose own fields are given, that trains `params`."""
    return kind(
        step=jnp.zeros((), jnp.int32),
        params=variables["params"],
        batch_stats=variables["batch_stats"],
        opt_state=optimizer.init(variables["params"]),
        # A copy: the step donates its input, and one buffer cannot be donated twice.
        ema=jax.tree.map(jnp.copy, {key: variables[key] for key in ("params", "batch_stats")}),
        lr_scale=jnp.ones((), jnp.float32),
        **fields,
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
    return start_state(unflatten_dict(fresh | flatten_dict(weights or {})), optimizer, config.training)


def abstract_state(
    model: SeparationModel, optimizer: optax.GradientTransformation, config: Config, mesh: Mesh
) -> TrainState:
    """Shapes, types and shardings of `initial_state`, without computing it."""
    shapes = jax.eval_shape(lambda: initial_state(model, optimizer, config))
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=replicated(mesh)), shapes)
