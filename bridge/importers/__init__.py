"""Importers of third-party checkpoints: published files in, the state dict of the torch network of that family out."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bridge.importers.open_unmix import read_open_unmix
from bridge.importers.rename import State
from bridge.importers.spleeter import read_spleeter

__all__ = ["IMPORTERS", "Importer"]

Importer = Callable[[Sequence[Path]], State]

IMPORTERS: Mapping[str, Importer] = {"open_unmix": read_open_unmix, "spleeter": read_spleeter}  # by the network's file
