"""Separation of audio of any length, rate and number of channels with a trained model of either framework."""

import abc
from collections.abc import Callable

import numpy as np

from auralflow import audio as sound
from auralflow.config import Config
from auralflow.overlap import overlap_add

OVERLAP = 0.1  # share of a segment that is cross-faded into its neighbour
BATCH_SIZE = 4  # segments of one call


class Separator(abc.ABC):
    """A model with its weights, ready to separate.

    Attributes:
        config: the configuration that the weights were trained with.
    """

    config: Config

    @property
    def targets(self) -> tuple[str, ...]:
        return self.config.model.targets

    @abc.abstractmethod
    def estimate(self, mixture: np.ndarray) -> np.ndarray:
        """Estimates the targets in blocks that have as many channels as the model.

        Args:
            mixture: (batch, channels, samples), float32, at the model's rate.

        Returns:
            (batch, targets, channels, samples).
        """

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
            estimates = self.estimate(blocks.reshape(-1, 1, samples))
            # (batch * channels, targets, 1, samples) to (batch, targets, channels, samples)
            return estimates.reshape(batch, channels, -1, samples).swapaxes(1, 2)
        estimates = self.estimate(np.broadcast_to(blocks, (batch, 2, samples)))
        return estimates if channels == 2 else estimates.mean(2, keepdims=True)


def separate(separator: Separator, audio: np.ndarray, sample_rate: int, overlap: float = OVERLAP,
             batch_size: int = BATCH_SIZE, progress: Callable[[int], None] | None = None) -> np.ndarray:
    """Separates a whole signal.

    Segments of the length the model was trained on overlap and are cross-faded, all in one shape.

    Args:
        separator: from `load` of auralflow_jax or auralflow_torch.separation.
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
