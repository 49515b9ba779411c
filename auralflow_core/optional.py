"""Packages that only some installations have, and how to install them."""

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
    """Turns a failed import in the block into a message that says what to install.

    Args:
        package: one of `INSTALL`.

    Raises:
        MissingPackage: the package is not installed.

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
