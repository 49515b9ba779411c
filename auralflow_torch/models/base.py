"""What separation models of every family have in common."""

import abc
from pathlib import Path
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn

from auralflow_core import config as configuration
from auralflow_core.config import Config
from auralflow_core.errors import InputError
from auralflow_core.separation.separator import BATCH_SIZE, OVERLAP
from auralflow_torch.weights import build_network


class Estimate(NamedTuple):
    """A model's estimate of the targets; the last three are None where a family has none."""

    audio: Tensor  # (batch, targets, channels, samples)
    spectrum: Tensor | None = None  # magnitudes, (batch, targets, channels, bins, frames)
    mask: Tensor | None = None  # what the mixture's magnitudes are multiplied by, same shape
    latent: tuple[Tensor, Tensor] | None = None  # mu and sigma of a variational bottleneck


class SeparationModel(nn.Module, abc.ABC):
    """Audio in, estimates out: a network with what stands around it. Abstract; `create_model` makes one of a family.

    Args:
        configuration: what `auralflow.utils.load_config` returns, or a `Config`.

    Attributes:
        config: the configuration.
        network: its parameters are all that the model has.

    Raises:
        InputError: a wrong key or value in the configuration, or a model of another family.
    """

    network: nn.Module

    def __init__(self, configuration: dict | Config) -> None:
        from auralflow_torch.models.registry import check_family  # it knows the classes, and they not it

        super().__init__()
        self.config = as_config(configuration)
        check_family(type(self), self.config)
        self.network = build_network(self.config)

    @property
    def targets(self) -> tuple[str, ...]:
        """What the model separates, sorted."""
        return self.config.model.targets

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    @abc.abstractmethod
    def estimate(self, mixture: Tensor, noise: Tensor | None = None) -> Estimate:
        """Estimates the targets in a mixture, with gradients: what a criterion compares with the truth.

        Args:
            mixture: audio at the model's rate, (batch, channels, samples), with the model's number of channels.
            noise: for a latent variable, instead of a random draw; see the network.

        Returns:
            The targets' audio (batch, targets, channels, samples), also for a single one; and what the family has
            beside it.

        Raises:
            InputError: audio of another shape.
        """

    @abc.abstractmethod
    def describe(self, audio: Tensor) -> Estimate:
        """Known audio (batch, targets, channels, samples) in the terms of an estimate: a loss's other side."""

    def separate(
        self,
        audio: Tensor,
        overlap: float = OVERLAP,
        batch_size: int = BATCH_SIZE,
        shifts: int = 1,
        wiener: int = 0,
        consistency: bool = False,
    ) -> Tensor:
        """Separates audio of any length, in evaluation mode and without gradients.

        Segments of the length that the model was trained on overlap and are cross-faded. A mono model takes each
        channel on its own; a stereo model takes mono as two equal channels and returns their mean, and more channels
        two by two.

        Args:
            audio: at the model's rate, (samples,), (channels, samples) or (batch, channels, samples), on any device.
            overlap: see `auralflow_core.separation.separator.SeparationOptions`, as for the next four.
            batch_size: segments of one pass through the network; fewer need less memory.
            shifts: separations that are averaged.
            wiener: iterations of a Wiener filter.
            consistency: divide what is left of the mixture among the targets.

        Returns:
            float32, on the audio's device. For one target the audio's shape; for several a targets axis before the
            channels: (targets, samples), (targets, channels, samples) or (batch, targets, channels, samples).

        Raises:
            InputError: audio of another shape, or an option out of range.

        Example:
            model = SpectrogramMaskModel.from_pretrained("my_model")
            vocals = model.separate(torch.rand(1, 88200))
        """
        from auralflow_torch.separation import separate_tensor  # it is written for models, and they not for it

        return separate_tensor(
            self, audio, overlap=overlap, batch_size=batch_size, shifts=shifts, wiener=wiener, consistency=consistency
        )

    @classmethod
    def from_pretrained(cls, path: str | Path) -> Self:
        """A model with its weights, in evaluation mode, on the CPU.

        Args:
            path: a model folder, its best.safetensors alone, or a converted safetensors file.

        Raises:
            InputError: there is no such file, it is damaged or of another kind, its tensors do not fit, or it holds
                a model of another class.
        """
        from auralflow_torch.models.registry import load_model  # it knows the classes, and they not it

        model = load_model(path)
        if not isinstance(model, cls):
            raise InputError(
                f"{path}: holds a {type(model.config.model).__name__}, which is a "
                f"{type(model).__name__}, expected a {cls.__name__}"
            )
        return model


def as_config(settings: dict | Config) -> Config:
    """A checked configuration of the dict that config.json holds; a `Config` stays as it is."""
    return settings if isinstance(settings, Config) else configuration.from_dict(settings)
