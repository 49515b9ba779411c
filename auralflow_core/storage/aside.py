"""Moving what earlier work left behind into numbered folders."""

from collections.abc import Iterable
from pathlib import Path


def move_aside(paths: Iterable[Path], folder: Path) -> Path:
    """Moves files and folders into `folder/N`, the first number that is free, which it returns."""
    number = 1
    while (aside := folder / str(number)).exists():
        number += 1
    aside.mkdir(parents=True)
    for path in paths:
        path.rename(aside / path.name)
    return aside
