"""Arrays that lie in files for a while, so that they need no memory of their own."""

import contextlib
import errno
import itertools
import math
import os
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
    """An `Allocate` for what is long: memory-mapped files in the system's temporary folder, gone after the block.

    It raises an OSError where there is no room for an array.
    """
    with tempfile.TemporaryDirectory(prefix="auralflow-", ignore_cleanup_errors=True) as folder:
        names = itertools.count()

        def allocate(shape: tuple[int, ...]) -> np.ndarray:
            path = Path(folder) / str(next(names))
            _reserve(path, 4 * math.prod(shape))
            return np.memmap(path, np.float32, "r+", shape=shape)

        yield allocate


def _reserve(path: Path, size: int) -> None:
    """Makes a file of so many bytes, for which there is room: to write to a map of one without it kills the process."""
    with open(path, "wb") as file:
        try:
            file.truncate(size)
            if hasattr(os, "posix_fallocate"):  # macOS and Windows have none
                os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise OSError(
                    f"{path.parent.parent}: no room for {size / 2**20:.0f} MiB of temporary files; the "
                    "environment variable TMPDIR names another folder for them"
                ) from None
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):  # a file system that does not reserve
                raise


def pieces(samples: int) -> Iterator[slice]:
    """Slices of `BLOCK` samples, the last one shorter, that take a signal apart."""
    return (slice(start, min(start + BLOCK, samples)) for start in range(0, samples, BLOCK))
