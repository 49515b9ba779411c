"""Separation of audio that is still being made: a block goes in, a block comes out."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from auralflow_core.separation.options import OVERLAP
from auralflow_core.separation.streaming import Streaming
from auralflow_torch.separation import Audio, Model, Separator, as_array, like


class StreamingSeparator:
    """Separates live: the result of `separate`, late by `latency` samples.

    A segment is computed when its last sample has come: most calls only return what is ready, and one in every
    segment, less its overlap, takes as long as the network does. That must be less than those samples last.

    Args:
        model: on any device.
        segment: samples that the model sees at once; shorter segments mean less latency, and less for the model to
            go by. Default: the length that it was trained on.
        overlap: share of a segment that is cross-faded into the next, in [0, 0.875].
        wiener: iterations of a Wiener filter; see `auralflow_core.separation.options.SeparationOptions`.

    Attributes:
        latency: samples between what goes in and what comes out of it, a whole segment.

    Raises:
        InputError: an option out of range, or a model that needs the level of the whole song.

    Example:
        live = StreamingSeparator(model, segment=16384)
        for block in blocks:
            play(live.push(block))
        play(live.finish())
    """

    def __init__(self, model: Model, segment: int | None = None, *, overlap: float = OVERLAP, wiener: int = 0) -> None:
        self._stream = Streaming(Separator(model), segment, overlap=overlap, wiener=wiener)
        self.latency = self._stream.latency
        self._last: Any = torch.zeros(0)  # without samples; a tensor or an array, as the last block was

    def __repr__(self) -> str:
        return repr(self._stream)

    def push(self, block: Audio) -> Audio:
        """Takes the next samples, and returns equally many.

        Args:
            block: tensor or array at the model's rate, (samples,) or (channels, samples), floating point, any number
                of samples; the same channels in every call.

        Returns:
            float32, what came in `latency` samples earlier, separated; before that, silence. Of a tensor a tensor on
            its device, for one target in the block's shape; for several, and of an array always, (targets, samples)
            or (targets, channels, samples).

        Raises:
            InputError: a block that is no audio, or of another shape than the ones before it.
        """
        estimates = self._stream.push(as_array(block, "block"))
        self._last = block[..., :0]
        return like(estimates, block)

    def finish(self) -> Tensor | np.ndarray:
        """Returns the last `latency` samples, as `push` does; a block that is pushed afterwards begins a new signal.

        Raises:
            InputError: nothing has been pushed.
        """
        return like(self._stream.finish(), self._last)
