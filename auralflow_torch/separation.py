"""Separation of tensors and arrays with a model."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar, cast

import numpy as np
import torch
from torch import Tensor, nn

from auralflow_core.config import Config
from auralflow_core.console.text import with_article
from auralflow_core.errors import InputError
from auralflow_core.separation import separator as separation
from auralflow_core.separation.separator import separate_array
from auralflow_torch import spectral
from auralflow_torch.eval_mode import evaluating
from auralflow_torch.layers.checks import check_tensor
from auralflow_torch.wiener import wiener

Audio = TypeVar("Audio", Tensor, np.ndarray)


class Model(Protocol):
    """A module that estimates: a `SeparationModel`."""

    @property
    def settings(self) -> Config:
        """The configuration that the weights were trained with."""
        ...

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        ...

    def estimate(self, audio: Tensor) -> Any:
        """An estimate with `audio` (batch, targets, channels, samples) of mixtures (batch, channels, samples)."""

    def narrow(self, targets: Sequence[int]) -> "Model":
        """The same model for some targets, which may leave parts of its network out."""
        ...


@dataclass(frozen=True, repr=False)
class Separator(separation.Separator):
    """A model that separates blocks of audio; see `auralflow_core.separation.separator`.

    Attributes:
        model: on any device; it is in evaluation mode while it estimates, and afterwards in the mode it was in.
    """

    model: Model

    @property
    def config(self) -> Config:
        return self.model.settings

    @property
    def device(self) -> str:
        """The device that holds the parameters, such as cpu or NVIDIA H100."""
        device = self.model.device
        return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)

    @property
    def members(self) -> tuple["Separator", ...]:
        return tuple(map(Separator, getattr(self.model, "members", ())))

    def narrow(self, targets: Sequence[int]) -> "Separator":
        return replace(self, model=self.model.narrow(targets))

    def estimate(self, mixture: np.ndarray) -> np.ndarray:
        with torch.inference_mode(), evaluating(cast(nn.Module, self.model)):
            return self.model.estimate(self._tensor(mixture)).audio.float().cpu().numpy()

    def refine(self, mixture: np.ndarray, estimates: np.ndarray, iterations: int, residual: bool) -> np.ndarray:
        num_fft, hop_length, window_size = self.front_end

        def spectrum(audio: np.ndarray) -> Tensor:
            padded = spectral.pad_to_hop(self._tensor(audio), hop_length)
            return spectral.stft(padded, num_fft, hop_length, window_size, "constant")

        with torch.inference_mode():
            magnitudes = spectral.magnitude(spectrum(estimates))
            refined = wiener(magnitudes, spectrum(mixture), iterations, residual=residual)[:, : estimates.shape[1]]
            return spectral.istft(refined, num_fft, hop_length, window_size, mixture.shape[-1]).cpu().numpy()

    def _tensor(self, audio: np.ndarray) -> Tensor:
        # A copy, as what is broadcast cannot be written to, and torch would warn of it.
        return torch.tensor(audio, device=self.model.device)


def separate(model: Model, audio: Audio, rate: int | None = None, **options: Any) -> Audio:
    """Separates audio of any length, in evaluation mode and without gradients.

    Segments of the length that the model was trained on overlap and are cross-faded. A mono model takes each channel
    on its own; a stereo model takes mono as two equal channels and returns their mean, and more channels two by two.

    Args:
        model: from `load` or `create_model`; it is in the mode afterwards that it was in before.
        audio: tensor on any device, or numpy array: (samples,), (channels, samples) or (batch, channels, samples),
            floating point.
        rate: of the audio, in Hz. Default: the model's.
        options: `overlap`, `batch_size`, `shifts`, `wiener`, `consistency`, see
            `auralflow_core.separation.options.SeparationOptions`; `residual`, to return the rest of the mixture as
            one more target behind the others; `progress`, called with the number of finished samples.

    Returns:
        float32, at the audio's rate and of its length. A tensor gives a tensor on its device, for one target in the
        audio's shape, for several (targets, samples), (targets, channels, samples) or (batch, targets, channels,
        samples). An array gives an array, in these shapes also for a single target, as in `auralflow_jax.separate`.

    Raises:
        InputError: neither a tensor nor an array, one that is no audio, or an option out of range.

    Example:
        model = auralflow_torch.load("my_model")
        stems = auralflow_torch.separate(model, audio, 44100)
    """
    return like(separate_array(Separator(model), as_array(audio), rate, **options), audio)


def as_array(audio: Tensor | np.ndarray, name: str = "audio") -> np.ndarray:
    """The numbers of a tensor as an array of numpy's.

    Raises:
        InputError: neither a tensor nor an array, or a tensor whose numbers do not lie in order in memory.
    """
    if isinstance(audio, Tensor):
        check_tensor(audio, name)
        if audio.is_meta:
            raise InputError(f"{name} is a tensor on the device meta, expected one with data")
        return (audio.float() if audio.is_floating_point() else audio).numpy(force=True)
    if not isinstance(audio, np.ndarray):
        kind = with_article(f"{type(audio).__module__}.{type(audio).__name__}")
        raise InputError(f"{name} is {kind}, expected a torch.Tensor or a numpy.ndarray")
    return audio


def like(estimates: np.ndarray, audio: Audio) -> Audio:
    """Estimates as what the audio is: of an array themselves, of a tensor a tensor, without the axis of one target.

    Args:
        estimates: (..., targets, samples) or (..., targets, channels, samples).
        audio: what was separated.
    """
    if isinstance(audio, np.ndarray):
        return estimates
    tensor = torch.from_numpy(estimates).to(audio.device)
    targets = tensor.ndim - 1 - len(audio.shape[-2:])
    return tensor.squeeze(targets) if tensor.shape[targets] == 1 else tensor
