"""What happens to the masks between a network and the spectrum that they act on."""

import torch
from torch import Tensor


def join(mask: Tensor, joiner: str) -> Tensor:
    """Lets the targets' masks (batch, targets, channels, bins, frames) meet: as they are, softmax, power ratio."""
    if joiner == "softmax":
        return mask.softmax(dim=1)
    if joiner == "ratio":
        power = mask.square()
        # 1e-10 as in a Wiener filter: where no target claims a bin, none gets it.
        return power / (power.sum(1, keepdim=True) + 1e-10)
    return mask


def extend(mask: Tensor, bins: int, high_bins: str) -> Tensor:
    """Continues a mask (..., bins, frames) upwards to `bins`: with zeros, its last bin, or its mean over bins."""
    *shape, seen, frames = mask.shape
    if high_bins == "zeros":
        above = mask.new_zeros(())
    elif high_bins == "last":
        above = mask[..., -1:, :]
    else:
        above = mask.mean(-2, keepdim=True)
    return torch.cat([mask, above.expand(*shape, bins - seen, frames)], dim=-2)
