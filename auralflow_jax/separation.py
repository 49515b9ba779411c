"""Separation of audio of any length, rate and number of channels with a trained model."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import jax
import numpy as np

from auralflow import audio as sound
from auralflow.config import Config
from auralflow.folder import ModelFolder
from auralflow.overlap import overlap_add
from auralflow_jax import networks
from auralflow_jax.state import Variables
from auralflow_jax.weights import check_fits, load_best

OVERLAP = 0.1  # share of a segment that is cross-faded into its neighbour
BATCH_SIZE = 4  # segments of one call


@dataclass(frozen=True)
class Separator:
    """A model with its weights, ready to separate.

    Attributes:
        config: the configuration that the weights were trained with.
        variables: `params` and `batch_stats`.
    """

    config: Config
    variables: Variables
    _apply: Callable = field(repr=False)  # (variables, mixture) -> audio, jitted

    @property
    def targets(self) -> tuple[str, ...]:
        return self.config.model.targets

    def with_variables(self, variables: Variables) -> "Separator":
        """The same model with other weights, without compiling again."""
        return dataclasses.replace(self, variables=variables)

    def __call__(self, blocks: np.ndarray) -> np.ndarray:
        """Estimates the targets in blocks at the model's rate, whatever their number of channels.

        A mono model takes each channel on its own. A stereo model takes mono as two equal channels and
        returns their mean.

        Args:
            blocks: (batch, channels, samples), one or two channels.

        Returns:
            (batch, targets, channels, samples).
        """
        batch, channels, samples = blocks.shape
        if self.config.model.num_channels == 1:
            estimates = np.asarray(self._apply(self.variables, blocks.reshape(-1, 1, samples)))
            # (batch * channels, targets, 1, samples) to (batch, targets, channels, samples)
            return estimates.reshape(batch, channels, -1, samples).swapaxes(1, 2)
        stereo = np.broadcast_to(blocks, (batch, 2, samples))
        estimates = np.asarray(self._apply(self.variables, stereo))
        return estimates if channels == 2 else estimates.mean(2, keepdims=True)


def make_separator(config: Config, variables: Variables, model=None) -> Separator:
    """A separator for weights that are already in memory.

    Args:
        config: the configuration that built the model.
        variables: `params` and `batch_stats`.
        model: the built model, if there is one already.
    """
    model = model or networks.build(config)
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
    model = networks.build(config)
    check_fits(variables, jax.eval_shape(lambda: model.init(jax.random.key(0), config.crop_samples)),
               str(folder.weights))
    return make_separator(config, jax.device_put(variables), model)


def separate(separator: Separator, audio: np.ndarray, sample_rate: int, overlap: float = OVERLAP,
             batch_size: int = BATCH_SIZE, progress: Callable[[int], None] | None = None) -> np.ndarray:
    """Separates a whole signal.

    Segments of the length the model was trained on overlap and are cross-faded, all in one compiled shape.

    Args:
        separator: from `load`.
        audio: (channels, samples), one or two channels.
        sample_rate: of the audio, in Hz; it is resampled to the model's rate and back where they differ.
        overlap: share of a segment that is cross-faded, in [0, 0.5].
        batch_size: segments of one call; fewer need less memory.
        progress: told the number of finished samples, at the model's rate.

    Returns:
        float32 (targets, channels, samples), exactly as long as the input, at its rate.
    """
    if audio.ndim != 2 or audio.shape[0] not in (1, 2) or audio.shape[1] == 0:
        raise ValueError(f"audio must be (channels, samples) with one or two channels, got {audio.shape}")
    rate = separator.config.model.sample_rate
    mixture = sound.resample(np.asarray(audio, np.float32), sample_rate, rate)
    segment = separator.config.crop_samples
    estimates = overlap_add(separator, mixture, segment, round(overlap * segment), batch_size, progress)
    return sound.resample(estimates, rate, sample_rate, samples=audio.shape[-1])
