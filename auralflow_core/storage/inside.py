"""The check that every file stays in the folder that it is written for."""

import os
from pathlib import Path

from auralflow_core.errors import InputError


def inside(folder: str | os.PathLike, name: str | os.PathLike) -> Path:
    """Joins a folder and the name of a file below it; whatever writes a file under a name from elsewhere asks here.

    Args:
        folder: the folder that the file must not leave; it need not exist.
        name: a relative path, of any origin.

    Returns:
        The path of the file.

    Raises:
        InputError: the file would lie outside of the folder, also where a link leads out of it; or no file can have
            the name.

    Example:
        >>> inside("out", "song/vocals.wav").as_posix()
        'out/song/vocals.wav'
    """
    path = Path(folder, name)
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        raise InputError(f"{path}: no file can have this name, it holds half of a character") from None
    if "\0" in str(path):
        raise InputError(f"{path}: no file can have this name, it holds the character 0")
    # A link in the last place is replaced, not followed.
    root, parent = os.path.realpath(folder), os.path.realpath(path.parent)
    if path.name in ("", "..") or not Path(parent).is_relative_to(root):
        raise InputError(f"{path}: lies outside of {folder}, where all files are written")
    return path
