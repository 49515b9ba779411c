"""The losses as modules that run a model: `criterion(mixture_audio, target_audio)` is a scalar to go backward from."""

import inspect
from collections.abc import Callable
from typing import Literal, Protocol

from torch import Tensor, nn

from auralflow_core.config import TrainingConfig
from auralflow_core.console.text import count
from auralflow_core.errors import InputError, closest
from auralflow_torch.layers.checks import check_tensor
from auralflow_torch.losses import functional
from auralflow_torch.losses.loss import Loss, make_loss
from auralflow_torch.models.base import Estimate

Domain = Literal["spectrum", "audio"]
LossFunction = Literal["l1", "l2"]
EstimateLoss = Callable[[Estimate, Estimate, Estimate], Tensor]  # of estimate, truth and mixture, as `Loss` is


class EstimatingModel(Protocol):
    """A separation model, as losses use it."""

    def estimate(self, audio: Tensor, /) -> Estimate:
        """Estimates the targets in mixtures (batch, channels, samples)."""
        ...

    def represent(self, audio: Tensor, /) -> Estimate:
        """Puts known audio (batch, targets, channels, samples) into the form of an estimate."""
        ...


class Criterion(nn.Module):
    """Runs a model on a mixture and compares its estimate with the truth.

    A criterion uses its model and does not own it: its `parameters()` and `state_dict()` are empty, and `train()`,
    `eval()` and `to()` leave the model as it is. `torch.compile` goes around the criterion. `DataParallel` and
    `DistributedDataParallel` need a module that owns the parameters: they go around `criterion.with_model()`. Hooks on
    the network's layers run; hooks on the model and on the network run where these are called, not in a criterion.

    Args:
        model: has `estimate(mixture) -> Estimate` and `represent(audio) -> Estimate`, as separation models do.
        loss: a function of estimate, truth and mixture, see `Loss`.

    Raises:
        InputError: an object that is no separation model, or a model inside a wrapper.

    Example:
        criterion = Criterion(model, as_criterion(torch.nn.SmoothL1Loss()))
        criterion(mixture, target).backward()
    """

    model: EstimatingModel

    def __init__(self, model: EstimatingModel, loss: EstimateLoss) -> None:
        super().__init__()
        check_model(model, type(self).__name__)
        # Past nn.Module's own assignment, which would register the model as a part.
        self.__dict__["model"] = model
        self.loss = loss

    def forward(self, mixture_audio: Tensor, target_audio: Tensor) -> Tensor:
        """Returns the loss, a scalar.

        Args:
            mixture_audio: (batch, channels, samples).
            target_audio: (batch, channels, samples, targets), as datasets give it, in the order of the model's
                targets; for a single target also (batch, channels, samples).

        Raises:
            InputError: shapes that do not fit, or a model without a field that the loss needs.
        """
        if getattr(self, "_is_replica", False):  # the replica's model would be the original, on another device
            raise InputError("DataParallel goes around criterion.with_model(), got a criterion alone")
        return compare(self.model, self.loss, mixture_audio, target_audio)

    def with_model(self) -> nn.Module:
        """Returns a module with the same forward pass that owns the model, as `model`.

        Example:
            module = DistributedDataParallel(L1Loss(model).with_model())
            module(mixture, target).backward()
        """
        return _WithModel(self.model, self.loss)


class _WithModel(nn.Module):
    """A model and a loss in one module; see `Criterion.with_model`."""

    def __init__(self, model: EstimatingModel, loss: EstimateLoss) -> None:
        super().__init__()
        self.model, self.loss = model, loss

    def forward(self, mixture_audio: Tensor, target_audio: Tensor) -> Tensor:
        return compare(self.model, self.loss, mixture_audio, target_audio)


def compare(model: EstimatingModel, loss: EstimateLoss, mixture_audio: Tensor, target_audio: Tensor) -> Tensor:
    """Returns the loss of a model's estimate; arguments and errors as in `Criterion`."""
    target = targets_first(target_audio, mixture_audio)
    estimate = model.estimate(mixture_audio)
    if isinstance(loss, Loss):
        loss.check(estimate, type(model).__name__)
    if estimate.audio.shape[1] != target.shape[1]:
        raise InputError(
            f"the model estimates {count(estimate.audio.shape[1], 'target')}, and target_audio holds {target.shape[1]}"
        )
    # Spectra take time, and a loss of audio alone reads none.
    only_audio = isinstance(loss, Loss) and set(loss.needs) <= {"audio", "latent"}
    represent = Estimate if only_audio else model.represent
    return loss(estimate, represent(target), represent(mixture_audio.unsqueeze(1)))


def bind(model: EstimatingModel, loss: Callable[..., Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """Returns the criterion that a trainer calls with a mixture and a target.

    Args:
        model: a separation model.
        loss: `loss(estimate, truth, mixture)`, of which a `Criterion` is made; or a criterion, which stays as it is.

    Raises:
        InputError: a loss of torch.nn, which would compare the mixture with the target.
    """
    if isinstance(loss, nn.modules.loss._Loss):
        name = f"torch.nn.{type(loss).__name__}"
        raise InputError(f"{name} compares two tensors, expected a loss of estimates: as_criterion({name}())")
    try:
        signature = inspect.signature(loss.forward if isinstance(loss, nn.Module) else loss)
    except ValueError:  # a function of torch's own, such as torch.sub
        return loss
    named = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [p for p in signature.parameters.values() if p.kind in named and p.default is p.empty]
    return Criterion(model, loss) if len(required) == 3 else loss


def check_model(model: object, wanted_by: str) -> None:
    """Raises an InputError unless this is a separation model, itself and not a wrapper of it."""
    # A wrapper of torch.compile hands on the methods of what it wraps, which then run as they are.
    compiled = hasattr(model, "_orig_mod")
    if compiled or not all(callable(getattr(model, name, None)) for name in ("estimate", "represent")):
        raise InputError(
            f"{wanted_by} needs a separation model, which `create_model` makes of a configuration, got a "
            f"{type(model).__name__}; torch.compile goes around the criterion, DataParallel and "
            "DistributedDataParallel around criterion.with_model(), not around the model"
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


class _Configured(Criterion):
    """A criterion whose loss is one of those that a configuration can name."""

    def __init__(self, model: EstimatingModel, training: TrainingConfig, needs: tuple[str, ...] = ()) -> None:
        check_model(model, type(self).__name__)
        loss = make_loss(training, model.represent)
        super().__init__(model, Loss(type(self).__name__, loss.needs + needs, loss.function, loss.kl_weight))


class L1Loss(_Configured):
    """Mean absolute difference.

    Args:
        model: see `Criterion`.
        domain: what is compared: magnitudes, or audio.
        kl_weight: weight of the divergence from N(0, 1) that a model with a latent variable adds; 0: none.
    """

    def __init__(self, model: EstimatingModel, domain: Domain = "spectrum", *, kl_weight: float = 1.0) -> None:
        check_domain(domain)
        super().__init__(model, TrainingConfig(criterion="l1", loss_domain=domain, kl_weight=kl_weight))


class L2Loss(_Configured):
    """Mean squared difference, with the arguments of `L1Loss`."""

    def __init__(self, model: EstimatingModel, domain: Domain = "spectrum", *, kl_weight: float = 1.0) -> None:
        check_domain(domain)
        super().__init__(model, TrainingConfig(criterion="l2", loss_domain=domain, kl_weight=kl_weight))


class KLDivergenceLoss(_Configured):
    """Reconstruction error plus the divergence of the latent variable from N(0, 1); for models that have one.

    Args:
        model: see `Criterion`.
        loss_fn: the reconstruction error, `l1` or `l2`.
        domain: what it compares: magnitudes, or audio.
        kl_weight: weight of the divergence.
    """

    def __init__(
        self,
        model: EstimatingModel,
        loss_fn: LossFunction = "l1",
        domain: Domain = "spectrum",
        *,
        kl_weight: float = 1.0,
    ) -> None:
        check_domain(domain)
        functional.elementwise(loss_fn)  # refuses unknown names
        training = TrainingConfig(criterion=loss_fn, loss_domain=domain, kl_weight=kl_weight)
        super().__init__(model, training, ("latent",))


class MaskLoss(_Configured):
    """Distance of the mask from the ideal ratio mask: `mask_loss`.

    Args:
        model: see `Criterion`.
        loss_fn: `l1` or `l2`.
        kl_weight: see `L1Loss`.
    """

    def __init__(self, model: EstimatingModel, loss_fn: LossFunction = "l1", *, kl_weight: float = 1.0) -> None:
        functional.elementwise(loss_fn)
        super().__init__(model, TrainingConfig(criterion="mask", mask_loss_fn=loss_fn, kl_weight=kl_weight))


class WeightedComponentLoss(_Configured):
    """The mask's effect on the target and on the residual, weighted: `component_loss`.

    Args:
        model: see `Criterion`.
        alpha: weight of the residual's energy.
        beta: weight of the residual's colour; unused with two components.
        regularizer: whether a model with a latent variable adds its divergence.
        n_components: 2 or 3.
        kl_weight: weight of the divergence.
    """

    def __init__(
        self,
        model: EstimatingModel,
        alpha: float = 0.2,
        beta: float = 0.8,
        regularizer: bool = True,
        n_components: Literal[2, 3] = 2,
        *,
        kl_weight: float = 1.0,
    ) -> None:
        functional.check_components(alpha, beta, n_components)
        weights = {"alpha": alpha, "beta": beta, "n_components": n_components}
        super().__init__(
            model, TrainingConfig(criterion="component", kl_weight=kl_weight if regularizer else 0.0, **weights)
        )


class SISDRLoss(_Configured):
    """Minus the scale-invariant signal-to-distortion ratio: `si_sdr_loss`."""

    def __init__(self, model: EstimatingModel, *, kl_weight: float = 1.0) -> None:
        super().__init__(model, TrainingConfig(criterion="si_sdr", kl_weight=kl_weight))


class MultiResolutionSTFTLoss(_Configured):
    """Distance of magnitudes at several resolutions: `multi_resolution_stft_loss`."""

    def __init__(self, model: EstimatingModel, *, kl_weight: float = 1.0) -> None:
        super().__init__(model, TrainingConfig(criterion="multi_resolution_stft", kl_weight=kl_weight))


def check_domain(domain: str) -> None:
    """Raises an InputError unless this is a domain that `L1Loss` compares in."""
    if domain not in (domains := ("spectrum", "audio")):
        raise InputError(f"unknown domain {domain!r}; {closest(str(domain), domains)}")
