"""Inner products of a track's mixture and stems; see `composition`."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from auralflow_core.audio import read_blocks, to_channels
from auralflow_core.console.interrupts import check
from auralflow_core.data.track import Track
from auralflow_core.dsp.streams import aligned

BLOCK = 1 << 16  # samples of silence that follow a file at a time


def inner_products(track: Track, ranges: Iterable[tuple[int, int]]) -> np.ndarray:
    """The sums of the products of the samples of a track's mixture and stems, in memory that does not grow.

    Args:
        track: whose stems have files.
        ranges: first sample and number of samples of each part that is read.

    Returns:
        float64 (1 + stems, 1 + stems); the row and the column of a mixture that has no file are zeros.

    Raises:
        InputError: a file cannot be decoded.
    """
    count, first = 1 + len(track.stems), 0 if track.mixture else 1
    found = np.zeros((count, count))
    for start, samples in ranges:
        for block in read_together(track, start, samples):
            found[first:, first:] += products_of(block)
    return found


def products_of(block: np.ndarray) -> np.ndarray:
    """The inner products of signals (signals, channels, samples), in float64: (signals, signals)."""
    flat = block.reshape(len(block), -1).astype(np.float64)
    return flat @ flat.T


def read_together(track: Track, start: int, samples: int) -> Iterator[np.ndarray]:
    """Reads the files of a track block by block, side by side.

    Yields:
        float32 (files, channels, samples), in the order of `track.files`, with as many channels as the track has;
        silence follows a file that ends before the track.

    Raises:
        InputError: a file cannot be decoded.
        KeyboardInterrupt: the process was asked to end.
    """
    streams = [_padded(track, path, start, samples) for path in track.files.values()]
    for blocks in aligned(*streams):
        check()
        yield np.stack([to_channels(block, track.channels) for block in blocks])


def _padded(track: Track, path: Path, start: int, samples: int) -> Iterator[np.ndarray]:
    available = max(0, min(samples, track.lengths.get(path, track.samples) - start))
    if available:
        yield from read_blocks(path, start, available)
    for position in range(available, samples, BLOCK):
        yield np.zeros((track.channels, min(BLOCK, samples - position)), np.float32)
