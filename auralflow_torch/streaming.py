"""Separation of audio that is still being made: a block goes in, a block comes out."""

import numpy as np
import torch
from torch import Tensor

from auralflow_core.dsp.overlap_add import OverlapAdd
from auralflow_core.errors import InputError
from auralflow_core.separation.separator import OVERLAP, SeparationOptions, block_function, cross_fade
from auralflow_torch.eval_mode import evaluating
from auralflow_torch.models import SeparationModel
from auralflow_torch.separation import Separator


class StreamingSeparator:
    """Separates live, with what comes out late by `latency` samples and otherwise as `SeparationModel.separate` has it.

    A segment is computed when its last sample has come: most calls only hand on what is ready, one in every
    segment, less its overlap, takes as long as the network does. That must be less than those samples last.

    Args:
        model: on any device.
        overlap: share of a segment that is cross-faded into the next, in [0, 0.5].
        segment: samples that the model sees at once; shorter segments mean less latency, and less for the model to
            go by. Default: the length that it was trained on.
        wiener: see `auralflow_core.separation.separator.SeparationOptions`.

    Attributes:
        latency: samples between what goes in and what comes out of it, a whole segment.

    Raises:
        InputError: an option out of range.

    Example:
        live = StreamingSeparator(model, segment=16384)
        for block in blocks:
            play(live.push(block))
        play(live.finish())
    """

    def __init__(
        self, model: SeparationModel, overlap: float = OVERLAP, segment: int | None = None, wiener: int = 0
    ) -> None:
        self.model, self.latency = model, model.config.crop_samples if segment is None else segment
        if self.latency < 1:
            raise InputError(f"segment is {segment}, expected 1 or more samples")
        options = SeparationOptions(overlap, wiener=wiener)
        self._adder = OverlapAdd(
            block_function(Separator(model), options), self.latency, cross_fade(model.config, overlap, self.latency)
        )
        self._shape: tuple[int, ...] | None = None  # of a block, without its samples
        self._ready: np.ndarray | None = None  # (targets, channels, samples)

    def push(self, block: Tensor) -> Tensor:
        """Takes the next samples, and returns as many.

        Args:
            block: at the model's rate, (samples,) or (channels, samples), any number of samples; the same channels
                in every call.

        Returns:
            float32, on the block's device: what came in `latency` samples earlier, separated, after as much silence
            at first. For one target the block's shape; for several (targets, samples) or (targets, channels, samples).

        Raises:
            InputError: a block of another shape than the ones before it, or of integers.
        """
        if not 1 <= block.ndim <= 2 or not block.is_floating_point() or block.shape[:-1].numel() == 0:
            raise InputError(
                "a block must be floating point, (samples,) or (channels, samples), got "
                f"{block.dtype} of shape {tuple(block.shape)}"
            )
        audio = block.detach().float().cpu().numpy().reshape(block.shape[:-1].numel(), block.shape[-1])
        if self._shape is None:
            self._shape = tuple(block.shape[:-1])
            self._ready = np.zeros((len(self.model.targets), len(audio), self.latency), np.float32)
        elif self._shape != tuple(block.shape[:-1]):
            raise InputError(f"a block has the shape {tuple(block.shape)}, those before it {(*self._shape, 'samples')}")
        with evaluating(self.model):
            self._ready = np.concatenate([self._ready, *self._adder.push(audio)], axis=-1)
        return self._take(block.shape[-1]).to(block.device)

    def finish(self) -> Tensor:
        """Returns the last `latency` samples, on the CPU; what is pushed after it is a new signal.

        Raises:
            InputError: nothing has been pushed.
        """
        if self._shape is None:
            raise InputError("finish needs samples, and none were pushed")
        samples = self.latency
        with evaluating(self.model):
            self._ready = np.concatenate([self._ready, *self._adder.finish()], axis=-1)
        last = self._take(samples)
        self._shape = self._ready = None
        return last

    def _take(self, samples: int) -> Tensor:
        """The next finished samples, with a targets axis where there are several."""
        taken, self._ready = np.split(self._ready, [samples], axis=-1)
        targets = () if len(self.model.targets) == 1 else (len(self.model.targets),)
        return torch.from_numpy(np.ascontiguousarray(taken)).reshape(*targets, *self._shape, samples)
