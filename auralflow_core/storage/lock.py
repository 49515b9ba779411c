"""A folder that one process at a time works in."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from auralflow_core.errors import InputError

LOCK = ".lock"


@contextlib.contextmanager
def sole_run(folder: str | Path) -> Iterator[None]:
    """Keeps other runs out of a folder while the block runs; the lock ends with the process, however that ends.

    Args:
        folder: is made unless it exists; the file `.lock` in it stays. Where the file system knows no locks,
            nothing is kept out.

    Raises:
        InputError: another run is in the folder.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    lock = FileLock(Path(folder) / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            f"{folder}: another run is writing to this folder; wait until it ends, or name another folder"
        ) from None
    except NotImplementedError:  # the file system has no locks
        yield
        return
    try:
        yield
    finally:
        lock.release()
