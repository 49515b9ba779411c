"""Separation of audio that is still being made: a block goes in, a block comes out."""

import numbers

import numpy as np

from auralflow_core.audio.check import check_array, check_audio
from auralflow_core.dsp.overlap_add import OverlapAdd
from auralflow_core.errors import InputError
from auralflow_core.separation.options import OVERLAP, SeparationOptions, cross_fade
from auralflow_core.separation.separator import Separator, block_function


class Streaming:
    """Separates block by block; the StreamingSeparator of both frameworks, for numpy arrays.

    Args:
        separator: the model.
        segment: samples that the model sees at once. Default: the length that it was trained on.
        overlap: share of a segment that is cross-faded into the next, in [0, 0.875].
        wiener: iterations of a Wiener filter; see `options.SeparationOptions`.

    Attributes:
        latency: samples between what goes in and what comes out of it, a whole segment.

    Raises:
        InputError: an option out of range, or a model that needs the level of the whole song.
    """

    def __init__(
        self, separator: Separator, segment: int | None = None, *, overlap: float = OVERLAP, wiener: int = 0
    ) -> None:
        config = separator.config
        if separator.members:
            raise InputError("an ensemble separates whole signals, and cannot separate live; each of its members can")
        if config.model.normalize_song:
            raise InputError(
                "normalize_song is true: the model needs the level of a whole song, and cannot separate live"
            )
        self.latency = config.crop_samples if segment is None else segment
        if not isinstance(self.latency, numbers.Integral) or self.latency < 1:
            raise InputError(f"segment is {segment}, expected 1 or more samples")
        options = SeparationOptions(overlap, wiener=wiener)
        self._separator = separator
        self._targets = len(separator.targets)
        self._adder = OverlapAdd(
            block_function(separator, options), self.latency, cross_fade(config, overlap, self.latency)
        )
        self._shape: tuple[int, ...] | None = None  # of a block, without its samples
        self._ready = np.empty((0, 0, 0), np.float32)  # (targets, channels, samples), while there is a shape

    def __repr__(self) -> str:
        return f"StreamingSeparator({self._separator!r}, segment={self.latency})"

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
        # A block may have no samples: it is checked as if it had one more.
        check_audio(np.pad(block, [*[(0, 0)] * (block.ndim - 1), (0, 1)]) if block.ndim else block, "block", (1, 2))
        shape, samples = block.shape[:-1], block.shape[-1]
        audio = np.asarray(block, np.float32).reshape((*shape, 1)[0], samples)
        if self._shape is None:
            self._shape = shape
            self._ready = np.zeros((self._targets, len(audio), self.latency), np.float32)
        elif self._shape != shape:
            raise InputError(f"a block has the shape {block.shape}, those before it {(*self._shape, 'samples')}")
        self._ready = np.concatenate([self._ready, *self._adder.push(audio)], axis=-1)
        return self._take(samples, shape)

    def finish(self) -> np.ndarray:
        """Returns the last `latency` samples; a block that is pushed afterwards begins a new signal.

        Raises:
            InputError: nothing has been pushed.
        """
        if self._shape is None:
            raise InputError("finish needs samples, and none were pushed")
        self._ready = np.concatenate([self._ready, *self._adder.finish()], axis=-1)
        last = self._take(self.latency, self._shape)
        self._shape = None
        return last

    def _take(self, samples: int, shape: tuple[int, ...]) -> np.ndarray:
        """The next finished samples, for blocks (*shape, samples)."""
        taken, self._ready = np.split(self._ready, [samples], axis=-1)
        return np.ascontiguousarray(taken).reshape(self._targets, *shape, samples)
