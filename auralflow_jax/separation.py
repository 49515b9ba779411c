"""Separation of arrays with a model."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import jax
import numpy as np
from flax import linen as nn

from auralflow_core.audio.check import check_array
from auralflow_core.config import Config
from auralflow_core.separation import separator as separation
from auralflow_core.separation.separator import separate_array
from auralflow_jax import spectral
from auralflow_jax.compilation import separation_options
from auralflow_jax.trace_cache import traced_program
from auralflow_jax.wiener import wiener


class Model(Protocol):
    """A pytree that estimates: a `SeparationModel` with its variables."""

    @property
    def settings(self) -> Config:
        """The configuration that the weights were trained with."""
        ...

    @property
    def network(self) -> nn.Module:
        """The module that estimates."""
        ...

    def estimate(self, audio: jax.Array) -> Any:
        """An estimate with `audio` (batch, targets, channels, samples) of mixtures (batch, channels, samples)."""

    def narrow(self, targets: Sequence[int]) -> "Model":
        """The same model for some targets, which may leave parts of its network out."""
        ...


@dataclass(frozen=True, repr=False)
class Separator(separation.Separator):
    """A model that separates blocks of audio; see `auralflow_core.separation.separator`.

    Attributes:
        model: with its variables. Models with the same settings share their compiled programs.
    """

    model: Model

    @property
    def config(self) -> Config:
        return self.model.settings

    @property
    def device(self) -> str:
        """The kind of device that holds the variables, such as cpu or NVIDIA H100."""
        arrays = [leaf for leaf in jax.tree.leaves(self.model) if isinstance(leaf, jax.Array)]
        devices = arrays[0].devices() if arrays else jax.devices()[:1]
        return next(iter(devices)).device_kind

    def estimate(self, mixture: np.ndarray) -> np.ndarray:
        model = self.model
        estimate = traced_program(compiled_estimate(), model.settings, model.network, model, mixture)
        return np.asarray(estimate(model, mixture))

    @property
    def members(self) -> tuple["Separator", ...]:
        return tuple(map(Separator, getattr(self.model, "members", ())))

    def narrow(self, targets: Sequence[int]) -> "Separator":
        return replace(self, model=self.model.narrow(targets))

    def refine(self, mixture: np.ndarray, estimates: np.ndarray, iterations: int, residual: bool) -> np.ndarray:
        return np.asarray(_refine(mixture, estimates, iterations, residual, *self.front_end))


def separate(model: Model, audio: np.ndarray, rate: int | None = None, **options: Any) -> np.ndarray:
    """Separates audio of any length, in evaluation mode and without gradients.

    Segments of the length that the model was trained on overlap and are cross-faded. A mono model takes each channel
    on its own; a stereo model takes mono as two equal channels and returns their mean, and more channels two by two.

    Args:
        model: from `load` or `create_model`.
        audio: numpy or jax array, (samples,), (channels, samples) or (batch, channels, samples), floating point.
        rate: of the audio, in Hz. Default: the model's.
        options: `overlap`, `batch_size`, `shifts`, `wiener`, `consistency`, see
            `auralflow_core.separation.options.SeparationOptions`; `residual`, to return the rest of the mixture as
            one more target behind the others; `progress`, called with the number of finished samples.

    Returns:
        float32 numpy array (targets, samples), (targets, channels, samples) or (batch, targets, channels, samples),
        also for a single target, at the audio's rate and of its length.

    Raises:
        InputError: an array that is no audio, or an option out of range.

    Example:
        model = auralflow_jax.load("my_model")
        stems = auralflow_jax.separate(model, audio, 44100)
    """
    check_array(audio)
    return separate_array(Separator(model), np.asarray(audio), rate, **options)


@functools.cache
def compiled_estimate() -> Any:
    """The jitted function from a model and mixtures (batch, channels, samples) to the audio that it estimates."""

    def estimate(model: Model, mixture: jax.Array) -> jax.Array:
        return model.estimate(mixture).audio

    return jax.jit(estimate, compiler_options=separation_options())


@functools.partial(jax.jit, static_argnums=range(2, 7))
def _refine(
    mixture: jax.Array,
    estimates: jax.Array,
    iterations: int,
    residual: bool,
    num_fft: int,
    hop_length: int,
    window_size: int,
) -> jax.Array:
    def spectrum(audio: jax.Array) -> jax.Array:
        padded = spectral.pad_to_hop(audio, hop_length)
        return spectral.stft(padded, num_fft, hop_length, window_size, "constant")

    refined = wiener(spectral.magnitude(spectrum(estimates)), spectrum(mixture), iterations, residual=residual)
    return spectral.istft(refined[:, : estimates.shape[1]], num_fft, hop_length, window_size, mixture.shape[-1])
