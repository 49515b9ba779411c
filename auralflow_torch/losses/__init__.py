"""Training losses: functions of tensors, and modules that run a model."""

from auralflow_torch.losses.criteria import (
    Criterion,
    KLDivergenceLoss,
    L1Loss,
    L2Loss,
    MaskLoss,
    MultiResolutionSTFTLoss,
    SISDRLoss,
    WeightedComponentLoss,
    make_criterion,
)
from auralflow_torch.losses.functional import (
    component_loss,
    kl_div_loss,
    l1,
    l2,
    mask_loss,
    multi_resolution_stft_loss,
    si_sdr_loss,
)

__all__ = [
    "Criterion",
    "KLDivergenceLoss",
    "L1Loss",
    "L2Loss",
    "MaskLoss",
    "MultiResolutionSTFTLoss",
    "SISDRLoss",
    "WeightedComponentLoss",
    "component_loss",
    "kl_div_loss",
    "l1",
    "l2",
    "make_criterion",
    "mask_loss",
    "multi_resolution_stft_loss",
    "si_sdr_loss",
]
