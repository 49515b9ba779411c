"""What every model returns, whatever its family."""

from typing import NamedTuple

import jax


class Estimate(NamedTuple):
    """A model's estimate of the targets; the last three are None where a family has none."""

    audio: jax.Array  # (batch, targets, channels, samples)
    spectrum: jax.Array | None = None  # magnitudes, (batch, targets, channels, bins, frames)
    mask: jax.Array | None = None  # what the mixture's magnitudes are multiplied by, same shape
    latent: tuple[jax.Array, jax.Array] | None = None  # mu and sigma of a variational bottleneck
