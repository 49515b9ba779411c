"""What every model returns, whatever its family."""

from typing import NamedTuple

from torch import Tensor


class Estimate(NamedTuple):
    """A model's estimate of the targets; the last three are None where a family has none."""

    audio: Tensor  # (batch, targets, channels, samples)
    spectrum: Tensor | None = None  # magnitudes, (batch, targets, channels, bins, frames)
    mask: Tensor | None = None  # what the mixture's magnitudes are multiplied by, same shape
    latent: tuple[Tensor, Tensor] | None = None  # mu and sigma of a variational bottleneck
