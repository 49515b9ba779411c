"""Files of training states, from which training continues in either framework."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from auralflow_core.config import Config
from auralflow_core.errors import InputError, shown
from auralflow_core.training.record import check_record
from auralflow_core.weights.file import TRAINING, TensorFile, read_tensors, write_tensors

State = dict[str, np.ndarray]  # torch names and arrays
GROUPS = ("params", "ema", "exp_avg", "exp_avg_sq", "best")  # the tensors are called <group>.<torch name>


@dataclass(frozen=True)
class TrainingTensors:
    """A training state under torch's names.

    Attributes:
        params: the weights that the optimizer updates, with the running statistics: a state dict.
        ema: their moving average, a state dict.
        exp_avg: AdamW's first moment of every parameter, which belongs to `params`, never to `ema`.
        exp_avg_sq: its second moment.
        step: optimizer steps taken.
        lr_scale: the product of the learning rate's reductions so far, a float32 scalar.
        best: the weights with the best validation score, a state dict; None before the end of the first epoch.
    """

    params: State
    ema: State
    exp_avg: State
    exp_avg_sq: State
    step: int
    lr_scale: np.ndarray | np.floating
    best: State | None


def write_training(path: str | Path, training: TrainingTensors, config: Config, run: dict) -> None:
    """Writes a training state atomically.

    Args:
        path: ends in `.safetensors`.
        training: the tensors.
        config: the run's configuration.
        run: its `history`, one dict for every epoch, and the `losses` of the steps since the end of the last one.
    """
    tensors = {f"{group}.{name}": array for group in GROUPS for name, array in (getattr(training, group) or {}).items()}
    scalars = {"step": np.array(training.step, np.int64), "lr_scale": np.array(training.lr_scale, np.float32)}
    write_tensors(path, TensorFile(TRAINING, tensors | scalars, config, run))


def read_training(path: str | Path) -> tuple[TrainingTensors, Config, dict]:
    """Reads a file of `write_training`: the tensors, the configuration, the run.

    Raises:
        InputError: as `read_tensors`; a tensor belongs to no known group; or the step is missing.
    """
    file = read_tensors(path, [TRAINING])
    return unpack(file, path), file.config, file.provenance


def unpack(file: TensorFile, path: str | Path) -> TrainingTensors:
    """The training state in a file that has been read."""
    groups, scalars = {group: {} for group in GROUPS}, {}
    for tensor, array in file.tensors.items():
        group, dot, name = tensor.partition(".")
        if dot and group in groups:
            groups[group][name] = array
        elif tensor in ("step", "lr_scale"):
            scalars[tensor] = array
        else:
            raise InputError(
                f"{path}: tensor {shown(tensor)} of shape {array.shape} is no part of a training state; "
                f"step, lr_scale and the prefixes {', '.join(GROUPS)} are"
            )
    for name, dtype in (("step", np.int64), ("lr_scale", np.float32)):
        array = scalars.get(name)
        if array is None or array.shape != () or array.dtype != dtype:
            found = "missing" if array is None else f"{array.dtype} of shape {array.shape}"
            raise InputError(f"{path}: tensor {name!r} is {found}, expected {np.dtype(dtype)} of shape ()")
    if not {"history", "losses"} <= file.provenance.keys():
        raise InputError(f"{path}: the metadata's provenance lacks the run's history and losses")
    check_record(file.provenance, f"{path}: provenance")
    best = groups.pop("best")
    if bool(best) != bool(file.provenance["history"]):
        raise InputError(
            f"{path}: the run's history has {len(file.provenance['history'])} epochs, but there are "
            f"{len(best)} tensors of its best weights; they come together"
        )
    return TrainingTensors(**groups, step=int(scalars["step"]), lr_scale=scalars["lr_scale"], best=best or None)
