"""The frameworks that a trained model can run in."""

from pathlib import Path
from typing import TYPE_CHECKING

from auralflow_core.errors import InputError, closest
from auralflow_core.optional import needs

if TYPE_CHECKING:
    from auralflow_core.separation.separator import Separator

BACKENDS = ("jax", "torch")


def load_separator(folder: str | Path, backend: str = "jax") -> "Separator":
    """Loads a trained model; for programs, as jax is told to keep what it compiles on disk.

    Args:
        folder: a model folder.
        backend: one of `BACKENDS`; the weights are the same, whichever framework they were trained in.

    Raises:
        InputError: there is no trained model in the folder, or no such backend.
        MissingPackage: the framework is not installed.
    """
    if backend not in BACKENDS:
        raise InputError(f"unknown backend {backend!r}; {closest(str(backend), BACKENDS)}")
    with needs(backend):
        if backend == "torch":
            from auralflow_torch.loading import load
        else:
            from auralflow_jax.compilation_cache import enable_cache
            from auralflow_jax.separation import load

            enable_cache()
    return load(folder)
