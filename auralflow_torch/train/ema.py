"""The moving average of a network's weights, which a run validates and keeps."""

import contextlib
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def average_of(
    network: nn.Module, decay: float, step: int = 0, weights: Mapping[str, Tensor] | None = None
) -> AveragedModel:
    """Starts an exponential moving average of a network's weights and statistics, as auralflow_jax.train.step keeps it.

    The decay rises as (1 + step) / (10 + step) up to `decay`, so that the random start is soon forgotten.

    Args:
        network: what is trained.
        decay: between 0 and 1.
        step: optimizer steps taken so far.
        weights: the average so far, a state dict; default: the network's own.

    Returns:
        `module` holds the average; `update_parameters(network)` is called after each step.
    """

    def update(old: Tensor, new: Tensor, count: Tensor | int) -> Tensor:
        if not old.is_floating_point():  # batch normalisation counts its batches
            return new
        share = torch.as_tensor(count / (9 + count)).clamp(max=decay)
        # Not share * old + (1 - share) * new, which rounds also where both are the same, as in frozen layers.
        return old + (1 - share) * (new - old)

    average = AveragedModel(network, avg_fn=update, use_buffers=True)
    average.module.load_state_dict(network.state_dict() if weights is None else weights)
    average.n_averaged.fill_(1 + step)  # the first weights count, where AveragedModel would forget them
    return average.requires_grad_(False)


@contextlib.contextmanager
def swapped_weights(network: nn.Module, average: AveragedModel | None) -> Iterator[None]:
    """Puts the average into the network while the block runs; without one, leaves it as it is."""
    if average is None:
        yield
        return
    raw = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    network.load_state_dict(average.module.state_dict())
    try:
        yield
    finally:
        network.load_state_dict(raw)
