"""The losses as modules that run a model: `criterion(mixture_audio, target_audio)` is a scalar to go backward from."""

from abc import ABC, abstractmethod
from typing import Literal

from torch import Tensor, nn

from auralflow_core.config import TrainingConfig
from auralflow_core.errors import InputError, closest
from auralflow_torch.layers.checks import check_tensor
from auralflow_torch.losses import functional
from auralflow_torch.models.base import Estimate

Domain = Literal["spectrum", "audio"]


class Criterion(nn.Module, ABC):
    """Runs a model on a mixture and compares its estimate with the truth; subclasses say how.

    Model and loss are one module, so that what changes how a forward pass runs goes around the criterion:
    `torch.compile(criterion)`, `DataParallel(criterion)`, `DistributedDataParallel(criterion)`. Hooks on the network's
    layers run; those on the model and the network themselves run where these are called, not in a criterion.

    Args:
        model: has `estimate(mixture) -> Estimate` and `describe(audio) -> Estimate`, as separation models do.
        kl_weight: of the divergence from N(0, 1) that a model with a latent variable adds; 0 for none.

    Raises:
        InputError: what is no separation model, or one inside a wrapper.
    """

    needs: tuple[str, ...] = ()  # fields of `Estimate` that the model must fill

    def __init__(self, model: nn.Module, *, kl_weight: float = 1.0) -> None:
        super().__init__()
        # A wrapper of torch.compile hands on the methods of what it wraps, which then run as they are.
        compiled = hasattr(model, "_orig_mod")
        if compiled or not all(callable(getattr(model, name, None)) for name in ("estimate", "describe")):
            raise InputError(
                f"{type(self).__name__} needs a separation model, which `create_model` makes of a "
                f"configuration, got a {type(model).__name__}; torch.compile, DataParallel and the like "
                "go around the criterion, not around its model"
            )
        self.model = model
        self.kl_weight = kl_weight

    def forward(self, mixture_audio: Tensor, target_audio: Tensor) -> Tensor:
        """The loss, a scalar.

        Args:
            mixture_audio: (batch, channels, samples).
            target_audio: (batch, channels, samples, targets), as datasets give it, in the order of the model's
                targets; for a single target also (batch, channels, samples).

        Raises:
            InputError: shapes that do not fit, or a model without what the loss needs.
        """
        target = targets_first(target_audio, mixture_audio)
        estimate = self.model.estimate(mixture_audio)
        self._check(estimate, target)
        loss = self.compare(estimate, target, mixture_audio.unsqueeze(1))
        if estimate.latent is None or self.kl_weight == 0:
            return loss
        return loss + self.kl_weight * functional.kl_div_loss(*estimate.latent)

    @abstractmethod
    def compare(self, estimate: Estimate, target: Tensor, mixture: Tensor) -> Tensor:
        """The loss without the divergence.

        Args:
            estimate: of the model.
            target: audio (batch, targets, channels, samples).
            mixture: audio (batch, 1, channels, samples).
        """

    def _check(self, estimate: Estimate, target: Tensor) -> None:
        for field in self.needs:
            if getattr(estimate, field) is None:
                raise InputError(
                    f"{type(self).__name__} needs the model's {field}, and {type(self.model).__name__} has none"
                )
        if estimate.audio.shape[1] != target.shape[1]:
            raise InputError(
                f"the model estimates {estimate.audio.shape[1]} targets, and target_audio holds {target.shape[1]}"
            )


def targets_first(target_audio: Tensor, mixture_audio: Tensor) -> Tensor:
    """Moves the targets' axis from where datasets have it to where models have it.

    Args:
        target_audio: (batch, channels, samples, targets), or (batch, channels, samples) for a single target.
        mixture_audio: (batch, channels, samples).

    Returns:
        (batch, targets, channels, samples).

    Raises:
        InputError: other shapes.
    """
    check_tensor(mixture_audio, "mixture_audio")
    check_tensor(target_audio, "target_audio")
    if mixture_audio.ndim == 3 and target_audio.shape == mixture_audio.shape:
        return target_audio.unsqueeze(1)
    if mixture_audio.ndim == 3 and target_audio.ndim == 4 and target_audio.shape[:-1] == mixture_audio.shape:
        return target_audio.movedim(-1, 1)
    raise InputError(
        "mixture_audio must be (batch, channels, samples) and target_audio (batch, channels, samples, "
        "targets), or (batch, channels, samples) for one target; got "
        f"{tuple(mixture_audio.shape)} and {tuple(target_audio.shape)}"
    )


class _Elementwise(Criterion):
    """Compares magnitudes, or audio, number by number."""

    loss_fn: str

    def __init__(self, model: nn.Module, domain: Domain = "spectrum", *, kl_weight: float = 1.0) -> None:
        super().__init__(model, kl_weight=kl_weight)
        if domain not in (domains := ("spectrum", "audio")):
            raise InputError(f"unknown domain {domain!r}; {closest(str(domain), domains)}")
        self.domain, self.needs = domain, (domain,)

    def compare(self, estimate: Estimate, target: Tensor, mixture: Tensor) -> Tensor:
        truth = target if self.domain == "audio" else self.model.describe(target).spectrum
        return functional.elementwise(self.loss_fn)(getattr(estimate, self.domain), truth)


class L1Loss(_Elementwise):
    """Mean absolute difference.

    Args:
        model: see `Criterion`.
        domain: what is compared: magnitudes, or audio.
        kl_weight: see `Criterion`.
    """

    loss_fn = "l1"


class L2Loss(_Elementwise):
    """Mean squared difference, with the arguments of `L1Loss`."""

    loss_fn = "l2"


class KLDivergenceLoss(_Elementwise):
    """Reconstruction error plus the divergence of the latent variable from N(0, 1); for models that have one.

    Args:
        model: see `Criterion`.
        loss_fn: the reconstruction error, `l1` or `l2`.
        domain: what it compares: magnitudes, or audio.
        kl_weight: of the divergence.
    """

    def __init__(
        self,
        model: nn.Module,
        loss_fn: Literal["l1", "l2"] = "l1",
        domain: Domain = "spectrum",
        *,
        kl_weight: float = 1.0,
    ) -> None:
        super().__init__(model, domain, kl_weight=kl_weight)
        functional.elementwise(loss_fn)  # refuses what it does not know
        self.loss_fn, self.needs = loss_fn, (domain, "latent")


class MaskLoss(Criterion):
    """Distance of the mask from the ideal ratio mask: `functional.mask_loss`.

    Args:
        model: see `Criterion`.
        loss_fn: `l1` or `l2`.
        kl_weight: see `Criterion`.
    """

    needs = ("mask",)

    def __init__(self, model: nn.Module, loss_fn: Literal["l1", "l2"] = "l1", *, kl_weight: float = 1.0) -> None:
        super().__init__(model, kl_weight=kl_weight)
        functional.elementwise(loss_fn)
        self.loss_fn = loss_fn

    def compare(self, estimate: Estimate, target: Tensor, mixture: Tensor) -> Tensor:
        truth, whole = self.model.describe(target).spectrum, self.model.describe(mixture).spectrum
        return functional.mask_loss(estimate.mask, truth, whole.expand_as(truth), self.loss_fn)


class WeightedComponentLoss(Criterion):
    """The mask's effect on the target and on the residual, weighted: `functional.component_loss`.

    Args:
        model: see `Criterion`.
        alpha: weight of the residual's energy.
        beta: weight of the residual's colour; unused with two components.
        regularizer: whether a model with a latent variable adds its divergence.
        n_components: 2 or 3.
        kl_weight: of the divergence.
    """

    needs = ("mask",)

    def __init__(
        self,
        model: nn.Module,
        alpha: float = 0.2,
        beta: float = 0.8,
        regularizer: bool = True,
        n_components: Literal[2, 3] = 2,
        *,
        kl_weight: float = 1.0,
    ) -> None:
        super().__init__(model, kl_weight=kl_weight if regularizer else 0.0)
        functional.check_components(alpha, beta, n_components)
        self.alpha, self.beta, self.n_components = alpha, beta, n_components

    def compare(self, estimate: Estimate, target: Tensor, mixture: Tensor) -> Tensor:
        truth, residual = (self.model.describe(audio).spectrum for audio in (target, mixture - target))
        functional.check_shapes(estimate.mask, truth, residual)
        return functional.component_loss(
            estimate.mask * truth, truth, estimate.mask * residual, residual, self.alpha, self.beta, self.n_components
        )


class SISDRLoss(Criterion):
    """Minus the scale-invariant signal-to-distortion ratio: `functional.si_sdr_loss`."""

    needs = ("audio",)

    def compare(self, estimate: Estimate, target: Tensor, mixture: Tensor) -> Tensor:
        return functional.si_sdr_loss(estimate.audio, target)


class MultiResolutionSTFTLoss(Criterion):
    """Distance of magnitudes at several resolutions: `functional.multi_resolution_stft_loss`."""

    needs = ("audio",)

    def compare(self, estimate: Estimate, target: Tensor, mixture: Tensor) -> Tensor:
        return functional.multi_resolution_stft_loss(estimate.audio, target)


def make_criterion(model: nn.Module, training: TrainingConfig) -> Criterion:
    """The criterion that a configuration asks for: the one that auralflow_jax trains with.

    Raises:
        InputError: an unknown criterion.
    """
    kinds = {
        "l1": (L1Loss, (training.loss_domain,)),
        "l2": (L2Loss, (training.loss_domain,)),
        "mask": (MaskLoss, (training.mask_loss_fn,)),
        "component": (WeightedComponentLoss, (training.alpha, training.beta, True, training.n_components)),
        "si_sdr": (SISDRLoss, ()),
        "multi_resolution_stft": (MultiResolutionSTFTLoss, ()),
    }
    if training.criterion not in kinds:
        raise InputError(f"unknown criterion {training.criterion!r}; {closest(training.criterion, kinds)}")
    kind, settings = kinds[training.criterion]
    return kind(model, *settings, kl_weight=training.kl_weight)
