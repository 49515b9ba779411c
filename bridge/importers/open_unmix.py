"""Importer of Open-Unmix, from its published files."""

from collections.abc import Sequence
from pathlib import Path

from auralflow_core.optional import needs
from bridge.importers.rename import State, rename

TARGETS = ("bass", "drums", "other", "vocals")  # sorted, as the networks are numbered

MODULES = {module: module for module in ("", "fc1", "bn1", "lstm", "fc2", "bn2", "fc3", "bn3")}

DROPPED = frozenset(
    {"sample_rate", "stft.window", "transform.0.window"}
)  # earlier versions stored their front end as well


def read_open_unmix(paths: Sequence[Path]) -> State:
    """The state dict of `OpenUnmix` for all targets.

    Args:
        paths: one file of `torch.save` for each of `TARGETS`.

    Raises:
        InputError: a file is not one of Open-Unmix's, or would run code.
        MissingPackage: torch, which reads the files, is not installed.
    """
    with needs("torch"):
        import torch  # noqa: F401
    from bridge.files import read_pickled

    return {
        f"target.{index}.{name}": array
        for index, path in enumerate(paths)
        for name, array in rename(read_pickled(path), MODULES, DROPPED, str(path)).items()
    }
