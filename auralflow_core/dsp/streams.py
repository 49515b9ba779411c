"""Streams of audio: iterators of arrays whose last axis is time, in pieces of any lengths."""

import contextlib
import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")
_END = object()


@contextlib.contextmanager
def ahead(items: Iterable[Item], depth: int = 2) -> Iterator[Iterator[Item]]:
    """Produces items in a separate thread, a few before they are asked for, while the block runs.

    An error in the thread is raised where the next item is asked for. When the block has ended, with or without an
    error, the thread has stopped and its generator is closed.

    Args:
        items: only the thread iterates over them.
        depth: the largest number of items that wait.

    Example:
        >>> with ahead(range(3)) as items:
        ...     list(items)
        [0, 1, 2]
    """
    waiting: queue.Queue = queue.Queue(depth)
    stopped, failures = threading.Event(), []

    def work() -> None:
        try:
            for item in items:
                waiting.put(item)
                if stopped.is_set():
                    break
        except BaseException as error:  # of any kind; it is raised in the thread that takes the items
            failures.append(error)
        finally:
            if (close := getattr(items, "close", None)) is not None:
                close()
            waiting.put(_END)

    def taken() -> Iterator[Item]:
        while (item := waiting.get()) is not _END:
            yield item
        waiting.put(_END)  # for a second call after the end
        if failures:
            raise failures[0]

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield taken()
    finally:
        stopped.set()
        while thread.is_alive():  # it may wait for room in the queue
            with contextlib.suppress(queue.Empty):
                waiting.get_nowait()
            thread.join(0.01)


def aligned(*streams: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, ...]]:
    """Cuts streams of equal length into pieces of equal lengths.

    Args:
        streams: arrays (..., samples); the other axes may differ from stream to stream.

    Yields:
        One array of each stream, of the same number of samples.

    Raises:
        ValueError: a stream ends before the others.

    Example:
        >>> [(a.tolist(), b.tolist()) for a, b in aligned([np.arange(3)], [np.arange(2), np.arange(2, 3)])]
        [([0, 1], [0, 1]), ([2], [2])]
    """
    iterators = [iter(stream) for stream in streams]
    held: list[np.ndarray | None] = [next(iterator, None) for iterator in iterators]
    while True:
        for index, iterator in enumerate(iterators):
            while (piece := held[index]) is not None and piece.shape[-1] == 0:
                held[index] = next(iterator, None)
        pieces = [piece for piece in held if piece is not None]
        if not pieces:
            return
        if len(pieces) < len(held):
            raise ValueError("Streams that belong together have different lengths.")
        samples = min(piece.shape[-1] for piece in pieces)
        yield tuple(piece[..., :samples] for piece in pieces)
        held = [piece[..., samples:] for piece in pieces]


def delayed(stream: Iterable[np.ndarray], samples: int) -> Iterator[np.ndarray]:
    """A stream (..., samples) preceded by a number of zeros."""
    for index, piece in enumerate(stream):
        yield np.pad(piece, [(0, 0)] * (piece.ndim - 1) + [(samples, 0)]) if index == 0 else piece


def skipped(stream: Iterable[np.ndarray], samples: int) -> Iterator[np.ndarray]:
    """A stream (..., samples) without a number of its first samples."""
    for piece in stream:
        kept = piece[..., samples:]
        samples -= piece.shape[-1] - kept.shape[-1]
        if kept.shape[-1]:
            yield kept
