"""Training losses: functions of arrays, and losses that compare a model's estimate with the truth."""

from auralflow_jax.losses.functional import (
    component_loss,
    kl_div_loss,
    l1_loss,
    l2_loss,
    mask_loss,
    multi_resolution_stft_loss,
    si_sdr_loss,
)
from auralflow_jax.losses.loss import Loss, as_criterion, make_loss

__all__ = [
    "Loss",
    "as_criterion",
    "component_loss",
    "kl_div_loss",
    "l1_loss",
    "l2_loss",
    "make_loss",
    "mask_loss",
    "multi_resolution_stft_loss",
    "si_sdr_loss",
]
