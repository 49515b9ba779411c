"""The adapters that a run with a `lora_rank` has trained, as a file holds them."""

import jax

from auralflow_core.config import Config
from auralflow_core.weights.adapter import Adapter, digest
from auralflow_core.weights.names import to_torch
from auralflow_jax.lora import name_factors
from auralflow_jax.train.state import LoraState


def make_adapter(state: LoraState, config: Config, base: str, epoch: dict) -> Adapter:
    """The averaged adapters of a state.

    Args:
        state: of the run.
        config: of the run.
        base: the name of the model that is adapted.
        epoch: the entry of the history that validated them.
    """
    averaged, weights = jax.device_get(state.ema["params"]), jax.device_get(state.base)
    rank = config.training.lora_rank
    return Adapter(
        tensors=name_factors(averaged, weights),
        base=base,
        base_sha256=digest(to_torch({"params": weights, "batch_stats": jax.device_get(state.batch_stats)})),
        rank=rank,
        alpha=state.scale * rank,
        config=config,
        provenance=epoch,
    )
