"""Training losses: functions of tensors, losses that compare a model's estimate with the truth, and modules that run
a model.
"""

from auralflow_torch.losses.criteria import (
    Criterion,
    KLDivergenceLoss,
    L1Loss,
    L2Loss,
    MaskLoss,
    MultiResolutionSTFTLoss,
    SISDRLoss,
    WeightedComponentLoss,
)
from auralflow_torch.losses.functional import (
    component_loss,
    kl_div_loss,
    l1_loss,
    l2_loss,
    mask_loss,
    multi_resolution_stft_loss,
    si_sdr_loss,
)
from auralflow_torch.losses.loss import Loss, as_criterion, make_loss

__all__ = [
    "Criterion",
    "KLDivergenceLoss",
    "L1Loss",
    "L2Loss",
    "Loss",
    "MaskLoss",
    "MultiResolutionSTFTLoss",
    "SISDRLoss",
    "WeightedComponentLoss",
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
