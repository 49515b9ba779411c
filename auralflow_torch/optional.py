"""Packages that come in builds for one version of torch, and that few need."""

import importlib
from types import ModuleType

import torch

from auralflow_core.errors import MissingPackage


def companion(package: str, purpose: str, *others: str) -> ModuleType:
    """Imports such a package.

    Args:
        package: its name.
        purpose: what needs it, the beginning of a sentence.
        others: packages that the purpose needs as well.

    Raises:
        MissingPackage: it is not installed, or built for another torch; says what to install.

    Example:
        resample = companion("torchaudio", "AudioTransform.resample").functional.resample
    """
    try:
        return importlib.import_module(package)
    except (ImportError, OSError, RuntimeError) as error:  # the latter two: built for another torch
        wanted = sorted({package, *others})
        builds = "builds" if others else "a build"
        raise MissingPackage(
            f"{purpose} needs {' and '.join(wanted)} in {builds} for torch {torch.__version__}: "
            f"pip install {' '.join(wanted)} (for CPU: --index-url https://download.pytorch.org/whl/cpu); "
            f"{package} cannot be imported: {str(error).splitlines()[0]}",
            name=package,
        ) from error
