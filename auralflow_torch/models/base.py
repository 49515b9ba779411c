"""The members that separation models of every family have."""

import abc
import copy
import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import torch
from msgspec import structs
from torch import Tensor, nn

from auralflow_core.config import Config
from auralflow_core.config.contract import check_returned
from auralflow_core.console.text import with_article
from auralflow_core.errors import InputError
from auralflow_core.hub.publishing import Publishable
from auralflow_core.hub.remote import remote_name
from auralflow_core.model_folder import ModelFolder, as_config
from auralflow_core.weights.adapter import merge
from auralflow_core.weights.file import TORCH, TensorFile
from auralflow_core.weights.names import check_same
from auralflow_torch.layers.checks import is_tracing
from auralflow_torch.networks import Network, build_network, network_shapes
from auralflow_torch.separation import separate
from auralflow_torch.weights import load_state, read_weights, state_arrays

FAMILIES: dict[str, type["SeparationModel"]] = {}  # by `ModelConfig.FAMILY`; a class that names its own adds itself


class Estimate(NamedTuple):
    """A model's estimate of the targets; the last three are None where a family has none."""

    audio: Tensor  # (batch, targets, channels, samples)
    spectrum: Tensor | None = None  # magnitudes, (batch, targets, channels, bins, frames)
    mask: Tensor | None = None  # factor of the mixture's magnitudes, same shape
    latent: tuple[Tensor, Tensor] | None = None  # mu and sigma of a variational bottleneck


class SeparationModel(nn.Module, Publishable):
    """A separation model: mixtures in, estimates of the targets out. Abstract; `create_model` and `load` make one.

    Args:
        configuration: what `auralflow.utils.load_config` returns, a `Config`, or the path of a config.json or of a
            model folder.

    Attributes:
        config: the configuration.
        network: its parameters are all that the model has.

    Raises:
        InputError: a wrong key or value in the configuration, or a model of another family.
    """

    FAMILY: ClassVar[str]

    config: Config
    network: Network

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "FAMILY" in vars(cls):
            FAMILIES[cls.FAMILY] = cls

    def __init__(self, configuration: Config | Mapping[str, Any] | str | Path) -> None:
        super().__init__()
        self.config = as_config(configuration)
        if (family := self.config.model.FAMILY) != self.FAMILY:
            raise InputError(
                f"{type(self).__name__} takes no configuration of {type(self.config.model).__name__}; "
                f"{FAMILIES[family].__name__} does"
            )
        self.network = build_network(self.config)

    def __repr__(self) -> str:
        """One line; `network` shows its layers."""
        count = sum(parameter.numel() for parameter in self.parameters())
        return (
            f"{type(self).__name__}({type(self.config.model).__name__}, targets={self.targets}, "
            f"sample_rate={self.sample_rate}, num_channels={self.num_channels}, {count:,} parameters)"
        )

    @property
    def settings(self) -> Config:
        """The configuration."""
        return self.config

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of what the model separates, sorted."""
        return self.config.model.targets

    @property
    def sample_rate(self) -> int:
        """The rate in Hz of the audio that the model takes."""
        return self.config.model.sample_rate

    @property
    def num_channels(self) -> int:
        """The number of channels that the model takes at once, 1 or 2."""
        return self.config.model.num_channels

    @property
    def members(self) -> tuple["SeparationModel", ...]:
        """The models that an ensemble combines; empty for all other models."""
        return ()

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    def train(self, mode: bool = True) -> Self:
        """Switches to training, or to evaluation; norms whose parameters are frozen keep their statistics, too.

        Example:
            model.network.down[0].requires_grad_(False)  # stays as it is, whatever trains the model
        """
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm) and not any(
                parameter.requires_grad for parameter in module.parameters()
            ):
                module.eval()
        return self

    @abc.abstractmethod
    def estimate(self, audio: Tensor, *, noise: Tensor | None = None) -> Estimate:
        """Estimates the targets in mixtures, with gradients: one side of what a loss compares.

        Args:
            audio: mixtures at the model's rate, (batch, channels, samples), with the model's number of channels.
            noise: for a latent variable, in place of a random draw; see the network.

        Returns:
            Audio (batch, targets, channels, samples), also for a single target, and the other fields that the
            family has.

        Raises:
            InputError: audio of another type or shape.
        """

    @abc.abstractmethod
    def represent(self, audio: Tensor) -> Estimate:
        """Puts known audio (batch, targets, channels, samples) into the form of an estimate, to compare with one."""

    def _call(self, inputs: Tensor, noise: Tensor | None) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
        """Runs the network; returns its output (batch, targets, ...), also for one target, and a latent variable."""
        returned = self.network.estimate(inputs, noise)
        targets = len(self.targets)
        if not is_tracing():  # where sizes are values
            check_returned(self.network, returned, inputs.shape, targets if targets > 1 else None)
        output, latent = returned
        return (output.unsqueeze(1) if targets == 1 else output), latent

    def separate(self, audio: Tensor, rate: int | None = None, **options: Any) -> Tensor:
        """Separates audio of any length, in evaluation mode and without gradients; see `auralflow_torch.separate`.

        Example:
            model = SpectrogramMaskModel.from_pretrained("my_model")
            vocals = model.separate(torch.rand(1, 88200))
        """
        return separate(self, audio, rate, **options)

    def narrow(self, targets: Sequence[int]) -> Self:
        """The same weights in a model for some targets, which may leave parts of its network out.

        Args:
            targets: their indices in `targets`. The estimates of the other targets then mean nothing.
        """
        model = self.settings.model.narrowed(targets)
        if model is self.settings.model:
            return self
        settings = structs.replace(self.settings, model=model)
        # Copies of the outer two modules, which share all that is inside.
        other, network = copy.copy(self), copy.copy(self.network)
        network.config, other.config = model, settings  # pyright: ignore[reportArgumentType, reportAttributeAccessIssue]
        other._modules = self._modules | {"network": network}
        return other

    def save(self, folder: str | Path, provenance: Mapping[str, Any] = {}) -> None:
        """Writes a model folder, which every command takes: config.json and checkpoint/best.safetensors.

        Args:
            folder: a new folder, which appears whole or not at all; or one that an earlier call wrote.
            provenance: plain data about where the weights come from, stored with them.

        Raises:
            InputError: the path is something else, or the folder holds a training run; or the network has other tensors
                than its settings ask for, such as those of adapters that were not merged.
        """
        ModelFolder(folder).save_model(TensorFile(TORCH, self._written(folder), self.config, dict(provenance)))

    def _repository_file(self, folder: str | Path) -> TensorFile:
        return TensorFile(TORCH, self._written(folder), self.config, {})

    def _written(self, folder: str | Path) -> dict[str, np.ndarray]:
        """The state dict as a file holds it; refuses what could not be read again."""
        state = state_arrays(self.network)
        if shapes := network_shapes(self.config):
            check_same(state, shapes, f"{folder}: not written")
        return state

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | Path,
        device: str | torch.device | None = None,
        dtype: torch.dtype | None = None,
        adapter: str | Path | None = None,
        *,
        revision: str | None = None,
    ) -> Self:
        """Loads a model with its weights, in evaluation mode.

        Args:
            name_or_path: a model folder, a file of weights (its best.safetensors alone, or a converted one), a
                pretrained model's name, or a repository USER/MODEL of the Hugging Face Hub; these two are fetched on
                first use.
            device: where the weights go. Default: the CPU.
            dtype: of the weights. Default: float32.
            adapter: see `auralflow_torch.load`.
            revision: of a repository: a commit, a tag or a branch. Default: main.

        Returns:
            A model of this class; of `SeparationModel`, which is abstract, one of the class for the file's family.

        Raises:
            InputError: there is no such file, it is damaged or of another kind, its tensors do not fit, or it holds
                a model of another family; or the adapter was trained for another model.
        """
        config, state, origin = read_weights(remote_name(name_or_path, revision))
        family = FAMILIES[config.model.FAMILY]
        kind = family if inspect.isabstract(cls) else cls
        if not issubclass(kind, cls) or kind.FAMILY != family.FAMILY:
            raise InputError(
                f"{origin}: holds {with_article(type(config.model).__name__)}, which is "
                f"{with_article(family.__name__)}, expected {with_article(cls.__name__)}"
            )
        if shapes := network_shapes(config):
            check_same(state, shapes, origin)  # before anything of that size is allocated
        if adapter is not None:
            state = merge(state, adapter, origin)
        model = kind(config).float()  # whatever torch's default is
        load_state(model.network, state, origin)
        return model.to(device=device, dtype=dtype).eval()
