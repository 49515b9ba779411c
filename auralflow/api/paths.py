"""Arguments that name one file or folder, or several."""

import os
from collections.abc import Iterable
from pathlib import Path


def listed(paths: str | Path | Iterable[str | Path] | None) -> list[str | Path]:
    """Paths, of which one may be given as it is, and None for no path."""
    paths = () if paths is None else paths
    return [paths] if isinstance(paths, str | os.PathLike) else list(paths)
