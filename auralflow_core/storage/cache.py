"""The folder for files that can be made or fetched again."""

import os
from pathlib import Path


def cache_folder(name: str) -> Path:
    """`auralflow/<name>` in the user's cache directory (XDG_CACHE_HOME, or ~/.cache); it need not exist."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "auralflow" / name
