"""Overlap-add: a function of short blocks, applied to long signals in overlapping segments that are averaged."""

import itertools
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from auralflow_core.audio.check import check_audio, check_type
from auralflow_core.dsp.streams import aligned, delayed, skipped

BlockFunction = Callable[[np.ndarray], np.ndarray]
Window = Callable[[int, int], np.ndarray]  # weights (segment,), at least 0, for a segment's samples and the overlap


def fade(segment: int, overlap: int) -> np.ndarray:
    """Weights that rise by sin^2 and fall again, each over the overlap, or over half a segment if that is less.

    Args:
        segment: number of samples.
        overlap: samples that a segment shares with the next one.

    Returns:
        (segment,), float64, above 0.

    Example:
        >>> fade(6, 2).round(3).tolist()
        [0.146, 0.854, 1.0, 1.0, 0.854, 0.146]
    """
    length = min(overlap, segment // 2)
    rise = np.sin(np.pi / 2 * (np.arange(length) + 0.5) / max(1, length)) ** 2
    return np.concatenate([rise, np.ones(segment - 2 * length), rise[::-1]])


def overlap_add(
    function: BlockFunction,
    audio: np.ndarray,
    segment: int,
    overlap: int,
    batch_size: int = 1,
    shifts: int = 1,
    progress: Callable[[int], None] | None = None,
    window: Window = fade,
) -> np.ndarray:
    """Runs `function` over a whole signal in memory; see `stream`.

    Args:
        function: maps (batch, channels, segment) to (batch, targets, channels, segment).
        audio: (channels, samples), with at least one sample.
        segment: samples of one block.
        overlap: samples that a segment shares with the next one; less than a segment.
        batch_size: segments of one call.
        shifts: see `stream`.
        progress: called with the number of finished samples, after every batch.
        window: weights of a segment's samples.

    Returns:
        (targets, channels, samples).

    Raises:
        InputError: an array that is no audio (see `auralflow_core.audio.check`).
        ValueError: as `stream`.

    Example:
        >>> audio = np.arange(10, dtype=np.float32).reshape(1, 10)
        >>> overlap_add(lambda blocks: blocks[:, None], audio, segment=4, overlap=2).tolist()
        [[[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]]]
    """
    if np.size(audio) == 0:
        raise ValueError("The signal has no samples.")
    check_audio(audio)
    done, whole = 0, None
    for piece in stream(function, [audio], segment, overlap, batch_size, shifts, window):
        if whole is None:
            whole = np.empty((*piece.shape[:-1], audio.shape[-1]), piece.dtype)
        whole[..., done : done + piece.shape[-1]] = piece
        done += piece.shape[-1]
        if progress is not None:
            progress(done)
    assert whole is not None  # there is a sample
    return whole


def stream(
    function: BlockFunction,
    blocks: Iterable[np.ndarray],
    segment: int,
    overlap: int,
    batch_size: int = 1,
    shifts: int = 1,
    window: Window = fade,
) -> Iterator[np.ndarray]:
    """Runs `function` over a signal that comes in pieces, in memory that does not grow with its length.

    Segments start every `segment - overlap` samples. Each sample is the mean of all segments that cover it, weighted
    by the window: with `fade` and at most half a segment of overlap, one segment is cross-faded into the next; the
    signal's first and last samples, which one segment alone covers, are not faded. Zeros fill the last segment and the
    last batch, so that `function` always sees one shape.

    Args:
        function: maps (batch, channels, segment) to (batch, targets, channels, segment).
        blocks: the signal in pieces (channels, samples) of any lengths.
        segment: samples of one block.
        overlap: samples that a segment shares with the next one; less than a segment.
        batch_size: segments of one call.
        shifts: number of runs that are averaged; their segments start at different places, spread evenly over the
            distance between two segments.
        window: weights of a segment's samples.

    Yields:
        Pieces (targets, channels, samples) that together are exactly as long as the signal.

    Raises:
        ValueError: sizes are out of range, the signal has no samples, or the function returns another shape.
    """
    if shifts < 1:
        raise ValueError(f"shifts >= 1 is needed, got {shifts}.")
    if shifts == 1:
        yield from _run(OverlapAdd(function, segment, overlap, batch_size, window), blocks)
        return
    offsets = [number * (segment - overlap) // shifts for number in range(shifts)]
    runs = [
        skipped(_run(OverlapAdd(function, segment, overlap, batch_size, window), delayed(copy, offset)), offset)
        for offset, copy in zip(offsets, itertools.tee(blocks, shifts), strict=True)
    ]
    for pieces in aligned(*runs):
        yield np.mean(pieces, axis=0)


class OverlapAdd:
    """The state of `stream` between two pieces of its signal.

    Args:
        function: maps (batch, channels, segment) to (batch, targets, channels, segment).
        segment: samples of one block.
        overlap: samples that a segment shares with the next one; less than a segment.
        batch_size: segments of one call.
        window: weights of a segment's samples.
    """

    def __init__(
        self, function: BlockFunction, segment: int, overlap: int, batch_size: int = 1, window: Window = fade
    ) -> None:
        if not 0 <= overlap < segment or batch_size < 1:
            raise ValueError(
                f"segment >= 1, 0 <= overlap < segment and batch_size >= 1 are needed, got segment "
                f"{segment}, overlap {overlap}, batch_size {batch_size}."
            )
        self._weights = window(segment, overlap)
        self.function, self.overlap, self.batch_size = function, overlap, batch_size
        self.stride = segment - overlap
        self.span = (batch_size - 1) * self.stride + segment  # samples of one call
        self._waiting: list[np.ndarray] = []
        self._held = 0  # number of samples in `_waiting`
        self._tail: np.ndarray | None = None  # (targets, channels, overlap): means of the segments until now
        self._sum = np.zeros(overlap)  # of the weights that are in these means

    def push(self, block: np.ndarray) -> Iterator[np.ndarray]:
        """Takes a piece (channels, samples) and yields the pieces (targets, channels, samples) that it completes."""
        check_type(block, "a block")
        self._waiting.append(block)
        self._held += block.shape[-1]
        while self._held >= self.span:
            signal = np.concatenate(self._waiting, axis=-1) if len(self._waiting) > 1 else self._waiting[0]
            yield self._call(signal, self.batch_size)
            self._waiting = [signal[..., self.batch_size * self.stride :]]
            self._held = self._waiting[0].shape[-1]

    def finish(self) -> Iterator[np.ndarray]:
        """Yields the rest after the end of the signal."""
        if self._tail is None and self._held == 0:
            raise ValueError("The signal has no samples.")
        if self._tail is None or self._held > self.overlap:
            used = max(1, -(-(self._held - self.overlap) // self.stride))
            signal = np.concatenate(self._waiting, axis=-1)
            piece = self._call(np.pad(signal, [(0, 0), (0, self.span - self._held)]), used)
            yield piece[..., : self._held]
            self._held -= piece.shape[-1]
        if self._tail is not None and self._held > 0:
            yield self._tail[..., : self._held]
        self._waiting, self._held, self._tail, self._sum = [], 0, None, np.zeros(self.overlap)

    def _call(self, signal: np.ndarray, used: int) -> np.ndarray:
        """The output (targets, channels, samples) of the first `used` segments, up to the start of the next one."""
        starts = range(0, self.batch_size * self.stride, self.stride)
        segment = self.stride + self.overlap
        batch = np.stack([signal[:, start : start + segment] for start in starts])
        outputs = np.asarray(self.function(batch))
        if outputs.ndim != 4 or (outputs.shape[0], *outputs.shape[2:]) != batch.shape:
            raise ValueError(
                f"The function must return (batch, targets, channels, segment) for {batch.shape}, got {outputs.shape}."
            )
        pieces = []
        for output in outputs[:used]:
            means = self._include(output)
            pieces.append(means[..., : self.stride])
            self._tail = means[..., self.stride :]
        return np.concatenate(pieces, axis=-1)

    def _include(self, output: np.ndarray) -> np.ndarray:
        """The means (targets, channels, segment) with one more segment in them."""
        sums = self._weights + np.pad(self._sum, (0, self.stride))
        self._sum = sums[self.stride :]
        if self._tail is None or self.overlap == 0:
            return output
        weights, sums = self._weights[: self.overlap], sums[: self.overlap]
        share = np.divide(weights, sums, out=np.zeros_like(sums), where=sums > 0).astype(output.dtype)
        # With a difference, samples that are equal in all segments stay bit-exact.
        head = self._tail + share * (output[..., : self.overlap] - self._tail)
        return np.concatenate([head, output[..., self.overlap :]], axis=-1)


def _run(adder: OverlapAdd, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    for block in blocks:
        yield from adder.push(block)
    yield from adder.finish()
