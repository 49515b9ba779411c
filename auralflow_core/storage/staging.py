"""Folders for files that are not complete yet; the next process removes those that a killed one left."""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from auralflow_core.storage import renames

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

PREFIX = ".auralflow-"
LOCK = "lock"

_own: set[Path] = set()  # the folders of this process


@contextlib.contextmanager
def staging(parent: str | os.PathLike) -> Iterator[Path]:
    """Yields a new folder, which is removed when the block ends.

    Its lock says that its process lives: the system frees it with the process, however that ends. Folders in `parent`
    whose lock is free are removed first; renames that were under way in one of them are finished.

    Args:
        parent: the folder that it is made in; missing folders are made as well.
    """
    parent = Path(parent)
    parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(parent)
    folder, lock = _make(parent)
    _own.add(folder)
    try:
        yield folder
    finally:
        os.close(lock)
        _remove(folder)
        _own.discard(folder)


def remove_own() -> None:
    """Removes this process's folders, when it ends at once; files that are being renamed are left to the next one."""
    for folder in list(_own):
        if not (folder / renames.RECORD).exists():
            _remove(folder)


def remove_abandoned(parent: str | os.PathLike) -> None:
    """Removes the staging folders of processes that have ended, once their renames are finished."""
    with os.scandir(parent) as entries:
        found = [
            Path(entry) for entry in entries if entry.name.startswith(PREFIX) and entry.is_dir(follow_symlinks=False)
        ]
    for folder in found:
        # Whatever forbids it, such as another process that is at the same work, is no reason to stop this one.
        with contextlib.suppress(OSError):
            _remove_abandoned(folder)


def is_locked(folder: Path) -> bool:
    """Whether a process that lives has this staging folder; False where the file system knows no locks."""
    try:
        lock = os.open(folder / LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        _lock(lock)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(lock)
    return False


def is_vacant(folder: str | os.PathLike) -> bool:
    """Whether a folder does not exist or is empty, once what processes that have ended left in it is removed."""
    folder = Path(folder)
    if folder.is_dir():
        remove_abandoned(folder)
        return not any(folder.iterdir())
    return not os.path.lexists(folder)


def _remove_abandoned(folder: Path) -> None:
    """Removes a staging folder that no process has locked; one without a lock goes if it is empty."""
    try:
        lock = os.open(folder / LOCK, os.O_RDWR)
    except FileNotFoundError:
        folder.rmdir()
        return
    try:
        _lock(lock)
        renames.finish(folder)
        _remove(folder)
    finally:
        os.close(lock)


def _remove(folder: Path) -> None:
    """Removes a staging folder, its lock last: what a thread still writes into it, the next process removes."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != LOCK:
                path.unlink()
        if [path.name for path in folder.iterdir()] in ([], [LOCK]):
            (folder / LOCK).unlink(missing_ok=True)
            folder.rmdir()


def _make(parent: Path) -> tuple[Path, int]:
    """A new folder, and the descriptor that locks it."""
    while True:
        folder = Path(tempfile.mkdtemp(dir=parent, prefix=PREFIX))
        # In the moment before it is locked, another process can take it for abandoned: then it is gone, or going.
        try:
            lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT)
        except FileNotFoundError:
            continue
        try:
            _lock(lock)
        except BlockingIOError:
            os.close(lock)
            continue
        except OSError:
            return folder, lock  # the file system has no locks, so that nobody removes the folder either
        if folder.exists():
            return folder, lock
        os.close(lock)


def _lock(handle: int) -> None:
    """Locks an open file for this process.

    Raises:
        BlockingIOError: another process has locked it.
        OSError: the file system has no locks.
    """
    if sys.platform == "win32":
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
