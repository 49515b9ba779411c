"""Trained models as functions from blocks of audio to estimates, compiled once."""

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import jax
import numpy as np

from auralflow_core.config import Config
from auralflow_core.model_folder import ModelFolder
from auralflow_core.separation import separator as separation
from auralflow_core.separation.separator import separate
from auralflow_jax import spectral
from auralflow_jax.models.base import Variables
from auralflow_jax.models.registry import build
from auralflow_jax.weights import check_fits, load_best
from auralflow_jax.wiener import wiener

__all__ = ["Separator", "load", "make_separator", "separate"]


@dataclass(frozen=True)
class Separator(separation.Separator):
    """A model with its weights, ready to separate; see `auralflow_core.separation.separator`.

    Attributes:
        config: the configuration that the weights were trained with.
        variables: `params` and `batch_stats`.
    """

    config: Config
    variables: Variables
    _apply: Callable = field(repr=False)  # (variables, mixture) -> audio, jitted

    def with_variables(self, variables: Variables) -> "Separator":
        """The same model with other weights, without compiling again."""
        return dataclasses.replace(self, variables=variables)

    def estimate(self, mixture: np.ndarray) -> np.ndarray:
        return np.asarray(self._apply(self.variables, mixture))

    def refine(self, mixture: np.ndarray, estimates: np.ndarray, iterations: int, residual: bool) -> np.ndarray:
        return np.asarray(_refine(mixture, estimates, iterations, residual, *self.front_end))


def make_separator(config: Config, variables: Variables, model=None) -> Separator:
    """A separator for weights that are already in memory.

    Args:
        config: the configuration that built the model.
        variables: `params` and `batch_stats`.
        model: the built model, if there is one already.
    """
    model = model or build(config)
    return Separator(config, variables, jax.jit(lambda variables, mixture: model.apply(variables, mixture).audio))


def load(folder: str | Path) -> Separator:
    """Loads the best weights of a model folder.

    Raises:
        InputError: there is no model, it was never trained, or its files are damaged or do not fit each other.

    Example:
        separator = load("my_model")
        stems = separate(separator, audio, 44100)  # (targets, channels, samples)
    """
    folder = ModelFolder(folder)
    variables, config = load_best(folder)
    model = build(config)
    check_fits(
        variables, jax.eval_shape(lambda: model.init(jax.random.key(0), config.crop_samples)), str(folder.weights)
    )
    return make_separator(config, jax.device_put(variables), model)


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
