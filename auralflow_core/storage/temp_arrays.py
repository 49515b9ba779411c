"""Temporary arrays in files, which take no memory."""

import contextlib
import errno
import itertools
import math
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from auralflow_core.storage.staging import staging

BLOCK = 1 << 20  # samples of each channel that are processed at once

Allocate = Callable[[tuple[int, ...]], np.ndarray]  # a float32 array of a shape, with undefined content


def in_memory(shape: tuple[int, ...]) -> np.ndarray:
    """Allocates an array in memory, for short signals."""
    return np.empty(shape, np.float32)


@contextlib.contextmanager
def in_files() -> Iterator[Allocate]:
    """Yields an `Allocate` for long signals: memory-mapped files in the temporary folder, deleted after the block.

    It raises an OSError if the disk has no room for an array.
    """
    with staging(tempfile.gettempdir()) as folder:
        names = itertools.count()

        def allocate(shape: tuple[int, ...]) -> np.ndarray:
            path = folder / str(next(names))
            _reserve(path, 4 * math.prod(shape))
            return np.memmap(path, np.float32, "r+", shape=shape)

        yield allocate


def _reserve(path: Path, size: int) -> None:
    """Makes a file of a size in bytes and reserves its space: writing to a map without space kills the process."""
    with open(path, "wb") as file:
        try:
            file.truncate(size)
            if hasattr(os, "posix_fallocate"):  # macOS and Windows lack it
                os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise OSError(
                    f"{path.parent.parent}: no room for {size / 2**20:.0f} MiB of temporary files; the "
                    "environment variable TMPDIR names another folder for them"
                ) from None
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):  # the file system cannot reserve space
                raise


def pieces(samples: int) -> Iterator[slice]:
    """Divides a signal into slices of `BLOCK` samples; the last one may be shorter."""
    return (slice(start, min(start + BLOCK, samples)) for start in range(0, samples, BLOCK))
