"""Descriptions as a zip archive at a file's end, which any program that unpacks archives finds.

StableHLO, TensorFlow Lite and ExecuTorch read their programs from a file's beginning, and pass over what follows.
"""

import zipfile
from pathlib import Path

from auralflow_core.exported.description import Description, from_text, to_text
from auralflow_core.exported.paths import FILE


def append(path: Path, description: Description) -> None:
    """Adds a description to a file."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(FILE, to_text(description))


def read(path: Path) -> Description:
    """The description in a file; see `from_text`."""
    with path.open("rb") as file:
        try:
            text = zipfile.ZipFile(file).read(FILE)
        except Exception:  # damaged archives bring errors of many kinds
            text = None
    return from_text(text, str(path))
