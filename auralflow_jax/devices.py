"""Devices of jax, by the names of their platforms."""

from typing import Any

import jax

from auralflow_core.errors import InputError

# An assignment makes jax's name, which type checkers take for a variable.
Device = str | jax.Device | None


def find_device(device: Device) -> Any:
    """The first device of a platform that is given by name.

    Raises:
        InputError: there is none.
    """
    if not isinstance(device, str):
        return device
    try:
        return jax.devices(device)[0]
    except RuntimeError as error:
        raise InputError(f"device {device!r} cannot be used: {str(error).splitlines()[0]}") from None
