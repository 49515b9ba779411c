"""Losses of a model's estimate: `loss(estimate, truth, mixture)` is a scalar."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from torch import Tensor

from auralflow_core.config import TrainingConfig
from auralflow_core.errors import InputError, closest
from auralflow_torch.losses import functional
from auralflow_torch.models.base import Estimate

Represent = Callable[[Tensor], Estimate]  # known audio (batch, targets, channels, samples) as an estimate


@dataclass(frozen=True)
class Loss:
    """A function of estimates, with the names of the fields that it reads.

    Attributes:
        name: for messages.
        needs: fields of `Estimate` that a model must fill.
        function: `(estimate, truth, mixture) -> scalar`, see `__call__`.
        kl_weight: weight of the divergence from N(0, 1) that an estimate with a latent variable adds; 0: none.
    """

    name: str
    needs: tuple[str, ...]
    function: Callable[[Estimate, Estimate, Estimate], Tensor]
    kl_weight: float = 0.0

    def __call__(self, estimate: Estimate, truth: Estimate, mixture: Estimate) -> Tensor:
        """Returns the loss, a scalar.

        Args:
            estimate: of a model: audio (batch, targets, channels, samples), spectrum and mask
                (batch, targets, channels, bins, frames), latent of any shape.
            truth: audio and spectrum of the targets, same shapes.
            mixture: audio (batch, 1, channels, samples), spectrum (batch, 1, channels, bins, frames).

        Raises:
            InputError: the estimate lacks a field that the loss needs.
            ValueError: shapes differ.
        """
        self.check(estimate)
        loss = self.function(estimate, truth, mixture)
        if estimate.latent is None or self.kl_weight == 0:
            return loss
        return loss + self.kl_weight * functional.kl_div_loss(*estimate.latent)

    def check(self, estimate: Estimate, model: str = "this model") -> None:
        """Refuses a model that lacks a field that the loss needs.

        Args:
            estimate: as the model returns it.
            model: the model's name, for the message.

        Raises:
            InputError: a needed field is None.
        """
        for field in self.needs:
            if getattr(estimate, field) is None:
                raise InputError(f"criterion {self.name!r} needs the model's {field}, and {model} has none")


def make_loss(training: TrainingConfig, represent: Represent) -> Loss:
    """Builds the loss that a configuration asks for.

    Args:
        training: `criterion`, and the settings that belong to it.
        represent: the model's method of that name, for the residual's spectrum.

    Raises:
        InputError: an unknown criterion.
    """
    name = training.criterion
    if name in functional.ELEMENTWISE:
        domain = training.loss_domain
        needs, function = (domain,), partial(_elementwise, loss_fn=name, domain=domain)
    elif name == "mask":
        needs, function = ("mask",), partial(_mask, loss_fn=training.mask_loss_fn)
    elif name == "component":
        needs, function = ("mask",), partial(_component, represent=represent, training=training)
    elif name in _AUDIO:
        needs, function = ("audio",), partial(_audio, fn=_AUDIO[name])
    else:
        known = [*functional.ELEMENTWISE, "mask", "component", *_AUDIO]
        raise InputError(f"unknown criterion {name!r}; {closest(str(name), known)}")
    return Loss(name, needs, function, training.kl_weight)


def as_criterion(fn: Callable[[Tensor, Tensor], Tensor], *, kl_weight: float = 0.0) -> Loss:
    """Makes a loss of a plain function of two tensors, which compares audio.

    Args:
        fn: `fn(estimate, target)` of two tensors (batch, targets, channels, samples), for example
            `torch.nn.L1Loss()`. A result with axes is averaged.
        kl_weight: see `Loss`.

    Example:
        >>> import torch
        >>> audio = torch.ones(2, 1, 1, 8)
        >>> loss = as_criterion(torch.nn.MSELoss())
        >>> float(loss(Estimate(audio), Estimate(3 * audio), Estimate(4 * audio)))
        4.0
    """
    name = getattr(fn, "__name__", type(fn).__name__)
    return Loss(name, ("audio",), partial(_audio, fn=fn), kl_weight)


# Module-level functions with their settings bound, not closures: a loss can be copied and pickled.


def _elementwise(estimate: Estimate, truth: Estimate, mixture: Estimate, loss_fn: str, domain: str) -> Tensor:
    return functional.elementwise(loss_fn)(getattr(estimate, domain), getattr(truth, domain))


def _mask(estimate: Estimate, truth: Estimate, mixture: Estimate, loss_fn: Literal["l1", "l2"]) -> Tensor:
    mask, target, magnitude = estimate.mask, truth.spectrum, mixture.spectrum
    assert mask is not None and target is not None and magnitude is not None  # models with masks have spectra
    return functional.mask_loss(mask, target, magnitude.expand_as(target), loss_fn)


def _component(
    estimate: Estimate, truth: Estimate, mixture: Estimate, represent: Represent, training: TrainingConfig
) -> Tensor:
    target, residual = truth.spectrum, represent(mixture.audio - truth.audio).spectrum
    mask = estimate.mask
    assert mask is not None and target is not None and residual is not None  # models with masks have spectra
    functional.check_shapes(mask, target, residual)
    return functional.component_loss(
        mask * target, target, mask * residual, residual, training.alpha, training.beta, training.n_components
    )


def _audio(estimate: Estimate, truth: Estimate, mixture: Estimate, fn: Callable) -> Tensor:
    functional.check_shapes(estimate.audio, truth.audio)
    return fn(estimate.audio, truth.audio).mean()


_AUDIO = {"si_sdr": functional.si_sdr_loss, "multi_resolution_stft": functional.multi_resolution_stft_loss}
