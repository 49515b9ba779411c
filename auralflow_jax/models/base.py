"""The members that models of every family have, and how a model is made from its settings."""

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self, cast

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from msgspec import structs

from auralflow_core.audio.check import check_layout
from auralflow_core.config import Config
from auralflow_core.config.contract import check_returned, name_of
from auralflow_core.console.text import with_article
from auralflow_core.errors import InputError
from auralflow_core.hub.publishing import Publishable
from auralflow_core.hub.remote import remote_name
from auralflow_core.model_folder import ModelFolder, read_model
from auralflow_core.weights.adapter import merge
from auralflow_core.weights.file import FLAX, TORCH, TensorFile
from auralflow_core.weights.names import to_flax, to_torch
from auralflow_jax.devices import Device, find_device
from auralflow_jax.models.explicit_axes import with_auto_axes
from auralflow_jax.networks import build_network
from auralflow_jax.separation import separate
from auralflow_jax.trace_cache import traced_shapes
from auralflow_jax.variables import Variables, check_fits, flat, variables_of

FAMILIES: dict[str, type["SeparationModel"]] = {}  # by `ModelConfig.FAMILY`; a class that names its own adds itself


class Estimate(NamedTuple):
    """A model's estimate of the targets; the last three are None where a family has none."""

    audio: jax.Array  # (batch, targets, channels, samples)
    spectrum: jax.Array | None = None  # magnitudes, (batch, targets, channels, bins, frames)
    mask: jax.Array | None = None  # factor of the mixture's magnitudes, same shape
    latent: tuple[jax.Array, jax.Array] | None = None  # mu and sigma of a variational bottleneck


@dataclass(frozen=True, eq=False, repr=False)
class SeparationModel(Publishable):
    """A separation model: mixtures in, estimates of the targets out. Abstract; `create_model` and `load` make one.

    A model is a pytree: its variables are the leaves, network and settings are static. So it goes through `jax.jit`,
    `jax.grad`, `jax.vmap` and `jax.tree.map` as it is.

    Attributes:
        network: linen module that returns its output and a latent variable's mu and sigma, or None.
        settings: the configuration.
        variables: `params` and `batch_stats`; None in a model that was built without.

    Example:
        model = auralflow_jax.create_model("my_model/config.json")
        gradient = jax.jit(jax.grad(lambda model, mixture: jnp.mean(model.estimate(mixture).audio ** 2)))
        gradients = gradient(model, mixture).variables["params"]
    """

    FAMILY: ClassVar[str]

    network: nn.Module
    settings: Config
    variables: Variables | None = None

    def __init_subclass__(cls) -> None:
        jax.tree_util.register_dataclass(cls, data_fields=["variables"], meta_fields=["network", "settings"])
        if "FAMILY" in vars(cls):
            FAMILIES[cls.FAMILY] = cls

    def __repr__(self) -> str:
        network, parameters = type(self.settings.model).__name__, (self.variables or {}).get("params", {})
        count = sum(np.size(leaf) for leaf in jax.tree.leaves(parameters))
        return (
            f"{type(self).__name__}({network}, targets={self.targets}, sample_rate={self.sample_rate}, "
            f"num_channels={self.num_channels}, {count:,} parameters)"
        )

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of what the model separates, sorted."""
        return self.settings.model.targets

    @property
    def sample_rate(self) -> int:
        """The rate in Hz of the audio that the model takes."""
        return self.settings.model.sample_rate

    @property
    def num_channels(self) -> int:
        """The number of channels that the model takes at once, 1 or 2."""
        return self.settings.model.num_channels

    @property
    def members(self) -> tuple["SeparationModel", ...]:
        """The models that an ensemble combines; empty for all other models."""
        return ()

    def replace(self, *, variables: Variables | None) -> Self:
        """The same model with other variables; what was compiled for one serves the other."""
        return replace(self, variables=variables)

    def init(self, key: jax.Array, samples: int | None = None) -> Variables:
        """Draws initial variables.

        Args:
            key: random key.
            samples: length of the audio that the network is made for. Default: the settings' `crop_samples`.

        Returns:
            `params` and `batch_stats`.
        """
        variables = self.network.init(key, self.example(self.settings.crop_samples if samples is None else samples))
        if not {"params"} <= variables.keys() <= {"params", "batch_stats"}:
            raise InputError(
                f"{name_of(self.network)} has the variables {', '.join(variables) or 'none'}, expected params, and "
                "batch_stats where it has statistics"
            )
        return {"params": variables["params"], "batch_stats": variables.get("batch_stats", {})}

    def apply(
        self, variables: Variables, audio: jax.Array, train: bool = False, key: jax.Array | None = None
    ) -> Estimate:
        """Estimates the targets in mixtures with given variables.

        Args:
            variables: `params` and `batch_stats`.
            audio: mixtures at the model's rate, (batch, channels, samples).
            train: normalise by the batch's statistics, and draw dropout and latent variables.
            key: random key, needed while training.

        Raises:
            InputError: audio of another type or shape.
        """
        return self.apply_and_update(variables, audio, train, key)[0]

    def apply_and_update(
        self, variables: Variables, audio: jax.Array, train: bool = False, key: jax.Array | None = None
    ) -> tuple[Estimate, dict]:
        """`apply`, and the batch statistics after it."""
        check_layout(audio, ranks=(3,), channels=self.num_channels)
        return with_auto_axes(
            lambda audio, variables, key: self._run(variables, audio, train, key), audio, variables, key
        )

    def estimate(self, audio: jax.Array) -> Estimate:
        """Estimates the targets in mixtures, in evaluation mode and with gradients.

        Args:
            audio: mixtures at the model's rate, (batch, channels, samples).

        Returns:
            Audio (batch, targets, channels, samples), also for a single target, and the other fields that the
            family has.

        Raises:
            InputError: audio of another type or shape, or a model without variables.
        """
        return self.apply(self._filled(), audio)

    @abc.abstractmethod
    def represent(self, audio: jax.Array) -> Estimate:
        """Puts known audio (batch, targets, channels, samples) into the form of an estimate, to compare with one."""

    def separate(self, audio: np.ndarray, rate: int | None = None, **options: Any) -> np.ndarray:
        """Separates audio of any length; see `auralflow_jax.separate`."""
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
        return replace(self, network=build_network(settings), settings=settings)

    def save(self, folder: str | Path, provenance: Mapping[str, Any] = {}) -> None:
        """Writes a model folder, which every command takes: config.json and checkpoint/best.safetensors.

        Args:
            folder: a new folder, which appears whole or not at all; or one that an earlier call wrote.
            provenance: plain data about where the weights come from, stored with them.

        Raises:
            InputError: the path is something else, or the folder holds a training run; or the variables are others than
                the network has.
        """
        tensors = flat(self._written(folder))
        ModelFolder(folder).save_model(TensorFile(FLAX, tensors, self.settings, dict(provenance)))

    def _repository_file(self, folder: str | Path) -> TensorFile:
        return TensorFile(TORCH, to_torch(self._written(folder)), self.settings, {})

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | Path,
        device: Device = None,
        dtype: Any = None,
        adapter: str | Path | None = None,
        *,
        revision: str | None = None,
    ) -> Self:
        """Loads a model with its variables; `auralflow_jax.load` under the name that users of other libraries know.

        Args:
            name_or_path: a model folder, a file of weights (its best.safetensors alone, or a converted one), a
                pretrained model's name, or a repository USER/MODEL of the Hugging Face Hub; these two are fetched on
                first use.
            device: see `auralflow_jax.load`.
            dtype: of the variables, such as jnp.bfloat16. Default: float32.
            adapter: see `auralflow_jax.load`.
            revision: of a repository: a commit, a tag or a branch. Default: main.

        Returns:
            A model of this class; of `SeparationModel`, which is abstract, one of the class for the file's family.

        Raises:
            InputError: see `auralflow_jax.load`; or the file holds a model of another family.
        """
        file, path = read_model(remote_name(name_or_path, revision))
        model, origin = build(file.config), str(path)
        if not isinstance(model, cls):
            name = type(file.config.model).__name__
            raise InputError(
                f"{origin}: holds {with_article(name)}, which is {with_article(type(model).__name__)}, expected "
                f"{with_article(cls.__name__)}"
            )
        expected = traced_shapes(abstract_variables, file.config)
        variables = variables_of(file, path, expected)
        if adapter is not None:
            variables = to_flax(merge(to_torch(variables), adapter, origin), expected, origin)
        if dtype is not None:
            variables = jax.tree.map(lambda leaf: leaf.astype(dtype), variables)
        return model.replace(variables=jax.device_put(variables, find_device(device)))

    @abc.abstractmethod
    def example(self, samples: int) -> jax.Array:
        """Zeros in the shape that the network takes, for audio of `samples` samples."""

    @abc.abstractmethod
    def _run(self, variables: Variables, audio: jax.Array, train: bool, key: jax.Array | None) -> tuple[Estimate, dict]:
        """`apply_and_update` of audio that has been checked."""

    def _call(self, variables: Variables, inputs: jax.Array, train: bool, key: jax.Array | None) -> tuple[tuple, dict]:
        """Runs the network; returns its output and the batch statistics after it."""
        streams = ["dropout", "noise"]
        rngs = None if key is None else dict(zip(streams, jax.random.split(key), strict=True))
        outputs, updated = self.network.apply(
            variables, inputs, train, rngs=rngs, mutable=["batch_stats"] if train else []
        )
        check_returned(self.network, outputs, inputs.shape, len(self.targets))
        return outputs, cast(dict, updated).get("batch_stats", variables["batch_stats"])

    def _written(self, folder: str | Path) -> Variables:
        """The variables as a file holds them; refuses what could not be read again."""
        stored = jax.tree.map(_stored, self._filled())
        check_fits(stored, abstract_variables(self.settings), f"{folder}: not written")
        return stored

    def _filled(self) -> Variables:
        if self.variables is None:
            raise InputError("the model has no variables; model.replace(variables=model.init(key)) gives it some")
        return self.variables


def _stored(leaf: Any) -> np.ndarray:
    """An array as files hold it: floating point as float32."""
    return np.asarray(leaf, np.float32 if jnp.issubdtype(leaf.dtype, jnp.floating) else None)


def build(config: Config) -> SeparationModel:
    """Makes the model that a configuration describes, without variables."""
    return FAMILIES[config.model.FAMILY](build_network(config), config)


def abstract_variables(config: Config) -> Variables:
    """The shapes and types of the variables of a configuration's model; nothing is computed."""
    return jax.eval_shape(build(config).init, jax.random.key(0))
