"""The memory that a network's tensors take, known before any of it is allocated."""

import math
import os
from collections.abc import Iterable

from auralflow_core.errors import InputError


def check_memory(shapes: Iterable[tuple[int, ...]], name: str) -> None:
    """Refuses tensors of float32 that the machine cannot hold.

    Args:
        shapes: of all tensors.
        name: of the network, for the message.

    Raises:
        InputError: they take more than the machine's memory.

    Example:
        >>> check_memory([(2**20, 2**20, 9)], "SpectrogramNetSimple")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        auralflow_core.errors.InputError: SpectrogramNetSimple: its tensors take 36864.0 GiB, and this machine has ...
    """
    needed, held = 4 * sum(map(math.prod, shapes)), _machine_memory()
    if needed > held:
        raise InputError(
            f"{name}: its tensors take {needed / 2**30:.1f} GiB, and this machine has {held / 2**30:.1f}; settings "
            "that make a smaller network are accepted"
        )


def _machine_memory() -> int:
    """The machine's memory in bytes; a tebibyte where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return 2**40
