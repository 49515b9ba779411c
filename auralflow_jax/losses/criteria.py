"""The criterion of a training run: which loss, of which parts of a model's estimate."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from auralflow_core.config import TrainingConfig
from auralflow_core.errors import InputError, closest
from auralflow_jax.losses import functional as losses
from auralflow_jax.models.base import Estimate


@dataclass(frozen=True)
class Criterion:
    """A loss with the names of what it reads.

    Attributes:
        name: as in the configuration.
        needs: fields of `Estimate` that a model must fill.
        function: (estimate, truth, residual, mixture) -> scalar; see `__call__`.
        kl_weight: of the divergence from N(0, 1) that an estimate with a latent variable adds; 0 for none.
    """

    name: str
    needs: tuple[str, ...]
    function: Callable[[Estimate, Estimate, Estimate, Estimate], jax.Array]
    kl_weight: float = 0.0

    def __call__(self, estimate: Estimate, truth: Estimate, residual: Estimate, mixture: Estimate) -> jax.Array:
        """The loss, a scalar. What a criterion does not read costs nothing under jit.

        Args:
            estimate: of a model; audio (batch, targets, channels, samples), spectrum and mask
                (batch, targets, channels, bins, frames), latent of any shape or None.
            truth: audio and spectrum of the targets, same shapes.
            residual: audio and spectrum of the mixture minus each target, same shapes.
            mixture: audio (batch, 1, channels, samples), spectrum (batch, 1, channels, bins, frames).
        """
        loss = self.function(estimate, truth, residual, mixture)
        if estimate.latent is None or self.kl_weight == 0:
            return loss
        return loss + self.kl_weight * losses.kl_div_loss(*estimate.latent)

    def check(self, estimate: Estimate, model: str) -> None:
        """Refuses a model that lacks what the criterion reads.

        Args:
            estimate: arrays, or their shapes (`jax.eval_shape`), as the model returns them.
            model: the model's name, for the message.

        Raises:
            InputError: a needed field is None.
        """
        for field in self.needs:
            if getattr(estimate, field) is None:
                raise InputError(f"criterion {self.name!r} needs the model's {field}, and {model} has none")


def make_criterion(training: TrainingConfig) -> Criterion:
    """The criterion that a configuration asks for.

    Raises:
        InputError: an unknown criterion.
    """
    if training.criterion not in _MAKERS:
        raise InputError(f"unknown criterion {training.criterion!r}; {closest(training.criterion, _MAKERS)}")
    needs, function = _MAKERS[training.criterion](training)
    return Criterion(training.criterion, needs, function, training.kl_weight)


def _elementwise(training: TrainingConfig):
    loss, domain = losses.ELEMENTWISE[training.criterion], training.loss_domain

    def function(estimate, truth, residual, mixture):
        return loss(getattr(estimate, domain), getattr(truth, domain))

    return (domain,), function


def _mask(training: TrainingConfig):
    def function(estimate, truth, residual, mixture):
        magnitude = jnp.broadcast_to(mixture.spectrum, truth.spectrum.shape)
        return losses.mask_loss(estimate.mask, truth.spectrum, magnitude, training.mask_loss_fn)

    return ("mask",), function


def _component(training: TrainingConfig):
    def function(estimate, truth, residual, mixture):
        losses.check_shapes(estimate.mask, truth.spectrum, residual.spectrum)
        return losses.component_loss(
            estimate.mask * truth.spectrum,
            truth.spectrum,
            estimate.mask * residual.spectrum,
            residual.spectrum,
            training.alpha,
            training.beta,
            training.n_components,
        )

    return ("mask",), function


def _si_sdr(training: TrainingConfig):
    return ("audio",), lambda estimate, truth, residual, mixture: losses.si_sdr_loss(estimate.audio, truth.audio)


def _multi_resolution_stft(training: TrainingConfig):
    def function(estimate, truth, residual, mixture):
        return losses.multi_resolution_stft_loss(estimate.audio, truth.audio)

    return ("audio",), function


_MAKERS = {
    "l1": _elementwise,
    "l2": _elementwise,
    "mask": _mask,
    "component": _component,
    "si_sdr": _si_sdr,
    "multi_resolution_stft": _multi_resolution_stft,
}
