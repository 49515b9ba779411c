"""Names that a process is about to give to files: no other process may write under them meanwhile.

A claim is a file in a staging folder, whose lock says that the process lives; both end with the process.
"""

import contextlib
import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from auralflow_core.errors import InputError
from auralflow_core.storage.staging import PREFIX, is_locked, staging

if sys.platform != "win32":
    import fcntl

CLAIMS = "claims.json"


@contextlib.contextmanager
def claiming(folder: str | os.PathLike, names: Iterable[str]) -> Iterator[None]:
    """Keeps other processes from writing files of these names while the block runs; see `claim`."""
    with staging(folder) as staged:
        claim(staged, names)
        yield


def claim(staged: Path, names: Iterable[str]) -> None:
    """Claims names of files, until the staging folder is removed.

    Args:
        staged: a folder of `staging`.
        names: of files in or below the folder above.

    Raises:
        InputError: another process has claimed one of them.
    """
    names = list(names)
    with _alone(staged.parent):
        taken = set().union(*(_claims(other) for other in staged.parent.glob(f"{PREFIX}*") if other != staged))
        if twice := next((name for name in names if name in taken), None):
            raise InputError(
                f"{staged.parent / twice}: another run is writing it; wait until that ends, or name another folder"
            )
        (staged / CLAIMS).write_text(json.dumps(names), encoding="utf-8")


def _claims(staged: Path) -> set[str]:
    """The names that a process which lives has claimed with a staging folder."""
    try:
        return set(json.loads((staged / CLAIMS).read_text(encoding="utf-8"))) if is_locked(staged) else set()
    except (OSError, ValueError):  # none, or the folder is being removed
        return set()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Lets one process at a time look and claim, where the system can lock a folder; it takes milliseconds."""
    with contextlib.ExitStack() as stack:
        if sys.platform != "win32":
            with contextlib.suppress(OSError):
                handle = os.open(folder, os.O_RDONLY)
                stack.callback(os.close, handle)
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield
