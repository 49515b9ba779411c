"""Writing files and folders so that a reader never sees half of one."""

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from auralflow_core.errors import NO_ROOM, InputError
from auralflow_core.storage.claims import claim
from auralflow_core.storage.renames import rename_together
from auralflow_core.storage.staging import is_vacant, staging

LONGEST_SUFFIX = 16  # letters that a temporary name takes over


def require_new(path: Path) -> None:
    """Refuses a file that would replace something, be it a link that leads nowhere.

    Raises:
        InputError: something is there.
    """
    if os.path.lexists(path):
        raise InputError(f"{path}: exists already and is not overwritten; name another file with -o")


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Yields a path to write to, which replaces `path` only if the block ends without an error.

    The temporary file lies in a folder next to `path` and has its suffix, which sound and picture libraries read.
    """
    path = Path(path)
    with _named(path):
        _check_free(path)
        folder = contextlib.ExitStack()
        staged = folder.enter_context(staging(path.parent))
    with folder:
        aside = staged / f"new{path.suffix if len(path.suffix) <= LONGEST_SUFFIX else ''}"
        aside.touch()
        with _named(path, staged):
            yield aside
        with _named(path):
            os.replace(aside, path)


@contextlib.contextmanager
def replacing_together(
    directory: str | os.PathLike, paths: Sequence[Path], stale: Sequence[Path] = ()
) -> Iterator[list[Path]]:
    """Yields a path to write to for each of several files, which replace them only if the block ends without an error.

    Until then no other process can do the same for one of them. All of them appear or, whatever happens, none: if the
    process is killed while it renames them, the next one that writes into the directory finishes its work.

    Args:
        directory: a folder that all of the files lie in or below, on one file system.
        paths: of the files.
        stale: files that are removed once the others are in their places.

    Raises:
        InputError: another process is writing one of them.
        OSError: a file cannot have its name. This is checked before the block, so that work is not lost.
    """
    for path in paths:
        _check_free(path)
    with _named(Path(directory)):
        folder = contextlib.ExitStack()
        staged = folder.enter_context(staging(directory))
    names = [os.path.relpath(path, directory) for path in paths]
    with folder:
        claim(staged, names)
        asides = [staged / f"new-{place}" for place in range(len(paths))]
        for aside in asides:
            aside.touch()
        with _named(Path(directory), staged):
            yield asides
        rename_together(staged, names, [os.path.relpath(path, directory) for path in stale])


@contextlib.contextmanager
def new_folder(path: str | os.PathLike) -> Iterator[Path]:
    """Yields an empty folder to fill; it takes the place of `path` only if the block ends without an error.

    Args:
        path: does not exist, or is an empty folder.

    Raises:
        InputError: another process is making it, or has made it meanwhile.
    """
    path = Path(path)
    with _named(path):
        folder = contextlib.ExitStack()
        aside = folder.enter_context(staging(path.parent))
    with folder:
        claim(aside, [path.resolve().name])
        staged = aside / path.resolve().name
        staged.mkdir()
        with _named(path, aside):
            yield staged
        if not is_vacant(path):
            raise InputError(f"{path}: another run made it meanwhile; name a new folder")
        if path.is_dir():
            path.rmdir()
        staged.rename(path)


@contextlib.contextmanager
def _named(path: Path, staged: Path | None = None) -> Iterator[None]:
    """Errors of the system name the user's path, not a temporary one.

    Args:
        path: the user's path.
        staged: a temporary folder; then errors about other files are left as they are, and those that a library has
            made of an error of the system become that again.
    """
    try:
        yield
    except Exception as error:
        number = error.errno if isinstance(error, OSError) else None
        if match := re.search(r"\(os error (\d+)\)", str(error)):  # as safetensors ends its messages
            number = int(match[1])
        elif staged is not None and isinstance(error, OSError):
            is_ours = number in NO_ROOM if error.filename is None else str(error.filename).startswith(str(staged))
            number = number if is_ours else None
        if number is None:
            raise
        raise OSError(number, os.strerror(number), str(path)) from None


def _check_free(path: Path) -> None:
    """Raises the OSError that a file of this name would meet: a folder in its place, a name that is too long."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISDIR(os.lstat(path).st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    parent = next(folder for folder in (path.absolute().parents) if folder.exists())
    if not os.access(parent, os.W_OK | os.X_OK):
        is_read_only = hasattr(os, "statvfs") and os.statvfs(parent).f_flag & os.ST_RDONLY
        number = errno.EROFS if is_read_only else errno.EACCES
        raise OSError(number, os.strerror(number), str(path))
