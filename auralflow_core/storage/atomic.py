"""Writing files and folders so that a reader never sees half of one."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Yields a path to write to, which replaces `path` only if the block ends without an error.

    The temporary file lies in the same folder and keeps the suffix, which sound and picture libraries read.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    except OSError as error:  # the message should name the user's path, not the temporary one
        raise type(error)(error.errno, error.strerror, str(path)) from None
    os.close(handle)
    aside = Path(name)
    try:
        yield aside
        # mkstemp makes private files; the result gets the permissions of any new file.
        umask = os.umask(0)
        os.umask(umask)
        aside.chmod(0o666 & ~umask)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


@contextlib.contextmanager
def new_folder(path: str | os.PathLike) -> Iterator[Path]:
    """Yields an empty folder to fill; it takes the place of `path` only if the block ends without an error.

    Args:
        path: does not exist, or is an empty folder.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.resolve().name}-") as aside:
        staged = Path(aside) / path.resolve().name
        staged.mkdir()
        yield staged
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
        staged.rename(path)
