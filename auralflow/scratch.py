"""Arrays that lie in files for a while, so that they need no memory of their own."""

import contextlib
import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

BLOCK = 1 << 20  # samples of each channel to take at once

Allocate = Callable[[tuple[int, ...]], np.ndarray]  # a float32 array of a shape, its content anything


def in_memory(shape: tuple[int, ...]) -> np.ndarray:
    """An `Allocate` for what is short."""
    return np.empty(shape, np.float32)


@contextlib.contextmanager
def in_files() -> Iterator[Allocate]:
    """An `Allocate` for what is long: memory-mapped files in the system's temporary folder, gone after the block."""
    with tempfile.TemporaryDirectory(prefix="auralflow-", ignore_cleanup_errors=True) as folder:
        names = itertools.count()
        yield lambda shape: np.memmap(Path(folder) / str(next(names)), np.float32, "w+", shape=shape)


def pieces(samples: int) -> Iterator[slice]:
    """Slices of `BLOCK` samples, the last one shorter, that take a signal apart."""
    return (slice(start, min(start + BLOCK, samples)) for start in range(0, samples, BLOCK))
