"""Long signals through a function of short blocks: segments that overlap, joined by cross-fades."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

BlockFunction = Callable[[np.ndarray], np.ndarray]


def overlap_add(
    function: BlockFunction, audio: np.ndarray, segment: int, overlap: int, batch_size: int = 1,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Runs `function` over a whole signal in memory; see `stream`.

    Args:
        function: maps (batch, channels, segment) to (batch, targets, channels, segment).
        audio: (channels, samples), any number of samples but none.
        segment: samples of one block.
        overlap: samples in which neighbouring segments are cross-faded; at most half a segment.
        batch_size: segments of one call.
        progress: told the number of finished samples, after every batch.

    Returns:
        (targets, channels, samples).

    Example:
        >>> audio = np.arange(10, dtype=np.float32).reshape(1, 10)
        >>> overlap_add(lambda blocks: blocks[:, None], audio, segment=4, overlap=2).tolist()
        [[[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]]]
    """
    done, whole = 0, None
    for piece in stream(function, [audio], segment, overlap, batch_size):
        if whole is None:
            whole = np.empty((*piece.shape[:-1], audio.shape[-1]), piece.dtype)
        whole[..., done:done + piece.shape[-1]] = piece
        done += piece.shape[-1]
        if progress is not None:
            progress(done)
    return whole


def stream(
    function: BlockFunction, blocks: Iterable[np.ndarray], segment: int, overlap: int, batch_size: int = 1
) -> Iterator[np.ndarray]:
    """Runs `function` over a signal that comes in pieces, in memory that does not grow with its length.

    Segments start every `segment - overlap` samples. In the overlap the earlier one fades into the later one by
    sin^2, with weights that sum to one; the signal's first and last samples are not faded. What is missing
    in the last segment, or in the last batch, is filled with zeros, so that `function` always sees one shape.

    Args:
        function: maps (batch, channels, segment) to (batch, targets, channels, segment).
        blocks: the signal in pieces (channels, samples) of any lengths.
        segment: samples of one block.
        overlap: samples in which neighbouring segments are cross-faded; at most half a segment.
        batch_size: segments of one call.

    Yields:
        Pieces (targets, channels, samples) that together are exactly as long as the signal.

    Raises:
        ValueError: sizes out of order, no samples, or a function that returns another shape.
    """
    if segment < 1 or not 0 <= overlap <= segment // 2 or batch_size < 1:
        raise ValueError(f"segment >= 1, 0 <= overlap <= segment / 2 and batch_size >= 1 are needed, got segment "
                         f"{segment}, overlap {overlap}, batch_size {batch_size}.")
    stride = segment - overlap
    left, tail = 0, None
    for batch, used, left in _batches(blocks, segment, overlap, batch_size):
        outputs = np.asarray(function(batch))
        if outputs.ndim != 4 or (outputs.shape[0], *outputs.shape[2:]) != batch.shape:
            raise ValueError(f"The function must return (batch, targets, channels, segment) for {batch.shape}, "
                             f"got {outputs.shape}.")
        pieces = []
        for output in outputs[:used]:
            pieces.append(_join(tail, output[..., :stride], overlap))
            tail = output[..., stride:]
        yield np.concatenate(pieces, axis=-1)[..., :left]
        left -= used * stride
    if tail is None:
        raise ValueError("The signal has no samples.")
    if left > 0:
        yield tail[..., :left]


def _join(tail: np.ndarray | None, output: np.ndarray, overlap: int) -> np.ndarray:
    """A segment's part up to the next one, with the end of the previous one faded in at its head."""
    if tail is None or overlap == 0:
        return output
    rise = (np.sin(np.pi / 2 * (np.arange(overlap) + 0.5) / overlap) ** 2).astype(output.dtype)
    # A difference, so that what both agree on stays as it is, to the bit.
    head = tail + rise * (output[..., :overlap] - tail)
    return np.concatenate([head, output[..., overlap:]], axis=-1)


def _batches(
    blocks: Iterable[np.ndarray], segment: int, overlap: int, batch_size: int
) -> Iterator[tuple[np.ndarray, int, int]]:
    """Batches (batch, channels, segment), each with the number of its segments that hold signal and the number of
    samples known to be left from its start on; for the last batch that is all there are.
    """
    stride = segment - overlap
    span = (batch_size - 1) * stride + segment
    waiting, left = [], 0
    for block in blocks:
        waiting.append(block)
        left += block.shape[-1]
        # Only with more than a span in hand is it sure that another batch follows.
        while left > span:
            signal = waiting[0] if len(waiting) == 1 else np.concatenate(waiting, axis=-1)
            yield _segments(signal, segment, stride, batch_size), batch_size, left
            waiting, left = [signal[..., batch_size * stride:]], left - batch_size * stride
    if left > 0:
        signal = np.concatenate(waiting, axis=-1)
        padded = np.pad(signal, [(0, 0), (0, span - left)])
        yield _segments(padded, segment, stride, batch_size), max(1, -(-(left - overlap) // stride)), left


def _segments(signal: np.ndarray, segment: int, stride: int, batch_size: int) -> np.ndarray:
    return np.stack([signal[:, start:start + segment] for start in range(0, batch_size * stride, stride)])
