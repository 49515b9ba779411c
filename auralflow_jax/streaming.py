"""Separation of audio that is still being made: a block goes in, a block comes out."""

import numpy as np

from auralflow_core.audio.check import check_array
from auralflow_core.separation.options import OVERLAP
from auralflow_core.separation.streaming import Streaming
from auralflow_jax.separation import Model, Separator


class StreamingSeparator(Streaming):
    """Separates live: the result of `separate`, late by `latency` samples.

    A segment is computed when its last sample has come: most calls only return what is ready, and one in every
    segment, less its overlap, takes as long as the network does. That must be less than those samples last.

    Args:
        model: from `load` or `create_model`.
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
        super().__init__(Separator(model), segment, overlap=overlap, wiener=wiener)

    def push(self, block: np.ndarray) -> np.ndarray:
        """Takes the next samples, and returns equally many.

        Args:
            block: at the model's rate, (samples,) or (channels, samples), floating point, any number of samples; the
                same channels in every call.

        Returns:
            The audio of `latency` samples earlier, separated; before that, silence. float32 (targets, samples) or
            (targets, channels, samples), as the block is.

        Raises:
            InputError: a block that is no audio, or of another shape than the ones before it.
        """
        check_array(block, "block")
        return super().push(np.asarray(block))
