"""Training states between the two frameworks, so that a run can move to the other one and go on."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from auralflow_core.config import Config
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_core.weights.file import FLAX, nested, read_tensors
from auralflow_core.weights.names import to_torch
from auralflow_core.weights.training_state import TrainingTensors
from auralflow_jax.models.base import abstract_variables
from bridge.conversion import to_flax

if TYPE_CHECKING:
    from auralflow_jax.models.base import Variables
    from auralflow_jax.train.state import TrainState


def training_to_torch(state: "TrainState", best: "Variables | None") -> TrainingTensors:
    """Converts a training state to torch's names.

    Args:
        state: of `auralflow_jax`, its optimizer AdamW.
        best: the weights that validation scored best, None before the first epoch's end.

    Raises:
        InputError: the state holds no moments of AdamW, or they have seen another number of steps.
    """
    import jax
    import optax

    state = jax.device_get(state)
    counts = {int(count) for _, count in optax.tree_utils.tree_get_all_with_path(state.opt_state, "count")}
    if counts != {int(state.step)}:
        raise InputError(f"the optimizer has counted {sorted(counts)} steps, expected {int(state.step)} of AdamW")
    first, second = (optax.tree_utils.tree_get(state.opt_state, name) for name in ("mu", "nu"))
    return TrainingTensors(
        params=to_torch(state.variables),
        ema=to_torch(state.ema),
        exp_avg=to_torch({"params": first}),
        exp_avg_sq=to_torch({"params": second}),
        step=int(state.step),
        lr_scale=np.asarray(state.lr_scale),
        best=None if best is None else to_torch(best),
    )


def training_to_flax(
    training: TrainingTensors, config: Config, origin: str = "training state"
) -> tuple["TrainState", "Variables | None"]:
    """The inverse of `training_to_torch`.

    Args:
        training: the tensors.
        config: the run's configuration.
        origin: where the tensors come from, for messages.

    Returns:
        The state, and the weights that validation scored best.

    Raises:
        InputError: the tensors do not fit the configuration's network, or see `check_movable`.
    """
    import optax

    check_movable(config, origin)
    expected = abstract_variables(config)
    parameters = {"params": expected["params"]}
    variables = to_flax(training.params, expected, f"{origin} (params)")
    first = to_flax(training.exp_avg, parameters, f"{origin} (exp_avg)")["params"]
    second = to_flax(training.exp_avg_sq, parameters, f"{origin} (exp_avg_sq)")["params"]
    state = fresh_state(variables, config)
    step = np.array(training.step, np.int32)
    state = state.replace(
        step=step,
        lr_scale=np.array(training.lr_scale),
        ema=to_flax(training.ema, expected, f"{origin} (ema)"),
        opt_state=optax.tree_utils.tree_set(state.opt_state, mu=first, nu=second, count=step),
    )
    best = None if training.best is None else to_flax(training.best, expected, f"{origin} (best)")
    return state, best


def fresh_state(variables: "Variables", config: Config) -> "TrainState":
    """The state before the first step: the variables are both what is trained and its moving average.

    With a `lora_rank` they are what adapters are trained for.
    """
    from auralflow_jax.train.optimizer import make_optimizer
    from auralflow_jax.train.state import start_state

    # The number of steps shapes the learning rate only, which is no part of the state.
    return start_state(variables, make_optimizer(config.training, total_steps=1), config.training)


def check_movable(config: Config, origin: str) -> None:
    """Refuses a run whose training state the other framework has no place for.

    Raises:
        InputError: its optimizer is not AdamW, or it trains adapters, or some layers alone.
    """
    training = config.training
    if training.optimizer != "adamw":
        raise InputError(
            f"{origin}: training.optimizer is {training.optimizer}, and only the training states of adamw move between "
            "the frameworks; the weights alone do, without --training"
        )
    if training.lora_rank:
        raise InputError(
            f"{origin}: training.lora_rank is {training.lora_rank}, and only the training states of whole weights move "
            "between the frameworks; adapters load in both, as they are"
        )
    if training.frozen:
        raise InputError(
            f"{origin}: training.frozen is {', '.join(training.frozen)}, and only the training states of all weights "
            "move between the frameworks; the weights alone do, without --training"
        )


def read_run(path: str | Path) -> tuple[TrainingTensors, Config, dict]:
    """Reads the latest checkpoint of a model folder: its state under torch's names, configuration, run.

    Raises:
        InputError: the folder has no checkpoint, or one of another network; or see `check_movable`.
    """
    import jax

    from auralflow_jax.train.checkpoint import Checkpoints

    if Path(path).is_file():
        raise InputError(f"{path}: a file holds no training state to convert; name the model folder")
    folder = ModelFolder(path)
    config = folder.load_config()
    check_movable(config, str(folder.config_file))
    if not folder.checkpoint.exists():
        raise InputError(f"{folder.path}: the model has no training state yet, {folder.checkpoint} does not exist")
    place = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    shapes = jax.eval_shape(lambda variables: fresh_state(variables, config), abstract_variables(config))
    abstract = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place), shapes)
    checkpoints = Checkpoints(folder)
    try:
        if checkpoints.latest is None:
            raise InputError(f"{folder.path}: the model has no training state yet, {folder.checkpoint} holds no step")
        restored = checkpoints.restore(abstract, config)
        assert restored is not None  # as it has a latest step
        state, run = restored
    finally:
        checkpoints.close()
    best = nested(read_tensors(folder.weights, [FLAX]), folder.weights) if run["history"] else None
    return training_to_torch(state, best), config, run
