"""Training states that move between JAX and torch: AdamW's moments, by the parameters' names."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from auralflow_core.console.text import count
from auralflow_core.errors import InputError
from auralflow_core.weights.names import check_same
from auralflow_core.weights.training_state import TrainingTensors

MOMENTS = ("exp_avg", "exp_avg_sq")


def optimizer_state(training: TrainingTensors, network: nn.Module, optimizer: torch.optim.AdamW) -> dict:
    """Makes AdamW's state of a training state, for `optimizer.load_state_dict`.

    The moments belong to the raw weights, `training.params`, which the network must hold.

    Args:
        training: from `auralflow_core.weights.training_state.read_training`.
        network: its parameters, all of them, are the optimizer's.
        optimizer: its settings, such as lr, are kept; the learning rate to go on with is the schedule's at
            `training.step`, times `training.lr_scale`.

    Raises:
        InputError: the moments do not fit the network's parameters.

    Example:
        training, config, run = read_training("run.safetensors")
        network = build_network(config)
        load_state(network, training.params)
        optimizer = torch.optim.AdamW(network.parameters(), config.training.lr)
        optimizer.load_state_dict(optimizer_state(training, network, optimizer))
    """
    wanted = {name: parameter.numpy(force=True) for name, parameter in network.named_parameters()}
    for moment in MOMENTS:
        check_same(getattr(training, moment), wanted, f"training state ({moment})")
    state = {}
    if training.step:  # before the first step AdamW holds nothing
        state = {
            index: {"step": torch.tensor(float(training.step))}
            | {moment: torch.from_numpy(np.array(getattr(training, moment)[name])) for moment in MOMENTS}
            for name, index in _indices(network, optimizer).items()
        }
    return {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}


def training_tensors(
    network: nn.Module,
    optimizer: torch.optim.AdamW,
    ema: Mapping[str, Tensor],
    best: Mapping[str, Tensor] | None,
    lr_scale: float = 1.0,
) -> TrainingTensors:
    """Makes a training state of torch, for `auralflow_core.weights.training_state.write_training`.

    Args:
        network: the raw weights, which the optimizer works on.
        optimizer: holds all of the network's parameters.
        ema: averaged weights and statistics, a state dict; the network's if nothing is averaged.
        best: the weights that validation scored best, None before the first epoch's end.
        lr_scale: the product of the learning rate's reductions so far.

    Raises:
        InputError: the optimizer has no moments for some parameter, or has seen different numbers of steps.
    """
    parameters, indices = dict(network.named_parameters()), _indices(network, optimizer)
    if not optimizer.state:
        zeros = {
            name: np.zeros(parameter.shape, parameter.numpy(force=True).dtype) for name, parameter in parameters.items()
        }
        moments, step = dict.fromkeys(MOMENTS, zeros), 0
    else:
        states = optimizer.state_dict()["state"]
        found = {name: states.get(index, {}) for name, index in indices.items()}
        steps = {name: int(state.get("step", 0)) for name, state in found.items()}
        if differing := [name for name in steps if steps[name] != max(steps.values()) or "exp_avg" not in found[name]]:
            raise InputError(
                f"parameter {differing[0]!r} of shape {tuple(parameters[differing[0]].shape)} has seen "
                f"{count(steps[differing[0]], 'step')} of AdamW, expected {max(steps.values())} like the others"
            )
        moments = {moment: arrays({name: state[moment] for name, state in found.items()}) for moment in MOMENTS}
        step = max(steps.values())
    return TrainingTensors(
        params=arrays(network.state_dict()),
        ema=arrays(ema),
        **moments,
        step=step,
        lr_scale=np.array(lr_scale, np.float32),
        best=None if best is None else arrays(best),
    )


def _indices(network: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, int]:
    """The number that an optimizer's state dict gives each of the network's parameters."""
    held = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    numbers = {id(parameter): number for number, parameter in enumerate(held)}
    parameters = dict(network.named_parameters())
    if missing := [name for name, parameter in parameters.items() if id(parameter) not in numbers]:
        raise InputError(f"parameter {missing[0]!r} of the network is not among the optimizer's")
    if len(parameters) != len(held):
        raise InputError(f"the optimizer holds {len(held)} parameters, expected the network's {len(parameters)}")
    return {name: numbers[id(parameter)] for name, parameter in parameters.items()}


def arrays(tensors: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Contiguous numpy copies of tensors on any device."""
    return {name: np.array(tensor.numpy(force=True), order="C") for name, tensor in tensors.items()}
