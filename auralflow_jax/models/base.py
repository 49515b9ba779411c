"""What the models of every family have in common."""

import abc
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
from flax import linen as nn

from auralflow_core.config import ModelConfig

Variables = dict[str, Any]  # "params" and "batch_stats", nested dicts of arrays


class Estimate(NamedTuple):
    """A model's estimate of the targets; the last three are None where a family has none."""

    audio: jax.Array  # (batch, targets, channels, samples)
    spectrum: jax.Array | None = None  # magnitudes, (batch, targets, channels, bins, frames)
    mask: jax.Array | None = None  # what the mixture's magnitudes are multiplied by, same shape
    latent: tuple[jax.Array, jax.Array] | None = None  # mu and sigma of a variational bottleneck


@dataclass(frozen=True)
class SeparationModel(abc.ABC):
    """Audio in, estimates out: a network with what stands around it. Abstract; `build` makes one of a family.

    Attributes:
        network: linen module that returns its output and a latent variable's mu and sigma, or None.
        config: the model's settings.
    """

    network: nn.Module
    config: ModelConfig

    def init(self, key: jax.Array, samples: int) -> dict:
        """Initial variables, for audio of `samples` samples: `params` and `batch_stats`."""
        variables = self.network.init(key, self.example(samples))
        return {"params": variables["params"], "batch_stats": variables.get("batch_stats", {})}

    def apply(self, variables: dict, mixture: jax.Array, train: bool = False, key: jax.Array | None = None) -> Estimate:
        """Estimates the targets in a mixture (batch, channels, samples).

        Args:
            variables: `params` and `batch_stats`.
            mixture: audio at the model's rate.
            train: see the network.
            key: random key, needed while training.
        """
        return self.apply_and_update(variables, mixture, train, key)[0]

    @abc.abstractmethod
    def example(self, samples: int) -> jax.Array:
        """Zeros in the shape that the network takes, for audio of `samples` samples."""

    @abc.abstractmethod
    def apply_and_update(
        self, variables: dict, mixture: jax.Array, train: bool, key: jax.Array | None = None
    ) -> tuple[Estimate, dict]:
        """`apply`, and the batch statistics after it."""

    @abc.abstractmethod
    def describe(self, audio: jax.Array) -> Estimate:
        """Known audio (batch, targets, channels, samples) in the terms of an estimate: a loss's other side."""

    def run(self, variables: dict, inputs: jax.Array, train: bool, key: jax.Array | None) -> tuple[tuple, dict]:
        """What the network returns, and the batch statistics after it."""
        rngs = None if key is None else dict(zip(("dropout", "noise"), jax.random.split(key), strict=True))
        outputs, updated = self.network.apply(
            variables, inputs, train, rngs=rngs, mutable=["batch_stats"] if train else []
        )
        return outputs, updated.get("batch_stats", variables["batch_stats"])
