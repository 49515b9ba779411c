"""Checks of what a trainer is given, before anything is computed."""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.data.distributed import DistributedSampler

from auralflow_core.config import TrainingConfig
from auralflow_core.errors import InputError
from auralflow_torch.train.loaders import Batches


def check_settings(training: TrainingConfig) -> None:
    """Refuses settings of a run that exists in JAX alone.

    Raises:
        InputError: adapters are wanted.
    """
    if training.lora_rank:
        raise InputError(
            f"ModelTrainer trains all weights, got lora_rank {training.lora_rank}, expected 0; `auralflow train` "
            "trains adapters, in JAX"
        )


def check_criterion(criterion: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Refuses a plain function of two tensors, such as `torch.nn.functional.l1_loss`, which runs no model.

    It would compare the mixture (batch, channels, samples) with the target (batch, channels, samples, targets), whose
    shapes broadcast to a tensor of batch x samples times their size.

    Raises:
        InputError: the criterion compares two tensors.
    """
    if _compares_tensors(criterion):
        name = getattr(criterion, "__name__", type(criterion).__name__)
        raise InputError(
            f"loss {name} compares two tensors and would get the mixture and the target, whose shapes differ; wrap it "
            f"as auralflow_torch.losses.as_criterion({name}), which compares the model's estimate with the target"
        )


def _compares_tensors(criterion: Callable[[Tensor, Tensor], Tensor]) -> bool:
    """Whether a criterion accepts tensors without values that broadcast; one that runs a model on a device does not."""
    mixture, target = torch.empty(2, 1, 3, device="meta"), torch.empty(2, 1, 3, 1, device="meta")
    try:
        with warnings.catch_warnings(), torch.random.fork_rng([]):
            warnings.simplefilter("ignore")
            value = criterion(mixture, target)
    except Exception:  # whatever a model makes of such tensors
        return False
    return isinstance(value, Tensor) and value.device.type == "meta" and not value.requires_grad


def check_ranks(loader: Batches) -> None:
    """Refuses a run of several ranks whose training loader gives each of them the same data.

    Raises:
        InputError: `torch.distributed` has more than one rank, and neither has the loader a
            DistributedSampler nor does its dataset divide itself.
    """
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return
    ranks = torch.distributed.get_world_size()
    batches = getattr(loader, "batch_sampler", None)
    samplers = (getattr(loader, "sampler", None), batches, getattr(batches, "sampler", None))
    divides = getattr(getattr(loader, "dataset", None), "divides_among_ranks", False)  # as AudioFolder does
    if ranks > 1 and not divides and not any(isinstance(sampler, DistributedSampler) for sampler in samplers):
        raise InputError(
            f"train_loader gives each of the {ranks} ranks of torch.distributed the same data; make it of an "
            "AudioFolder, or with sampler=torch.utils.data.DistributedSampler(dataset), or train in one process"
        )
