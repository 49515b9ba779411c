"""Packages that only some installations have."""

import contextlib
from collections.abc import Iterator

from auralflow_core.errors import MissingPackage

INSTALL = {
    "jax": "pip install auralflow",
    "torch": "pip install 'auralflow[torch]'",
    **dict.fromkeys(("mido", "pyworld"), "pip install 'auralflow[songs]'"),
}


@contextlib.contextmanager
def needs(package: str) -> Iterator[None]:
    """Says what to install where an import in the block does not find a package.

    Args:
        package: one of `INSTALL`.

    Raises:
        MissingPackage: there is no such package.

    Example:
        with needs("torch"):
            from auralflow_torch.models import SpectrogramMaskModel
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != package:
            raise
        raise MissingPackage(
            f"this needs the package {package}, which is not installed: {INSTALL[package]}", name=package
        ) from None
