"""Checks of networks, which can come from other packages: how they are made and called, and the things they return."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from auralflow_core.console.text import with_article
from auralflow_core.errors import InputError

RETURNS = "two things: its output, and mu and sigma of a latent variable or None"


def name_of(network: Any) -> str:
    """The full name of a class, of a function, or of the class of an object."""
    kind = network if hasattr(network, "__qualname__") else type(network)
    return f"{kind.__module__}.{kind.__qualname__}"


def check_call(function: Callable | None, name: str, *arguments: str, **keywords: Any) -> None:
    """Refuses a class or function that does not take the arguments that it will get.

    Args:
        function: it is not called; None: there is none.
        name: of it, for the message.
        arguments: names that stand for the positional ones.
        keywords: the others; their values do not matter.

    Raises:
        InputError: there is no function, or the call would fail.
    """
    call = ", ".join([*arguments, *(f"{keyword}=..." for keyword in keywords)])
    if not callable(function):
        raise InputError(f"{name} is called with ({call}), and does not exist")
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):  # one that is not written in Python
        return
    try:
        signature.bind(*arguments, **keywords)
    except TypeError as error:
        raise InputError(f"{name} is called with ({call}), which it does not take: {error}") from None


def check_returned(network: Any, returned: Any, inputs: Sequence[int], targets: int | None) -> None:
    """Checks the things that a network returned; an output of another shape might be broadcast without a word.

    Args:
        network: the network.
        returned: what it returned.
        inputs: the shape that it was called with, (batch, ...).
        targets: their number; None: the output has no axis of targets.

    Raises:
        InputError: it is no pair of an array or tensor of shape (batch, targets, ...) and None or another pair.
    """
    if not isinstance(returned, tuple | list) or len(returned) != 2:
        raise InputError(f"{name_of(network)} returned {_kind(returned)}, expected {RETURNS}")
    output, latent = returned
    if latent is not None and not (isinstance(latent, tuple | list) and len(latent) == 2):
        raise InputError(f"{name_of(network)} returned {_kind(latent)} as the second thing, expected {RETURNS}")
    expected = (inputs[0], *(() if targets is None else (targets,)), *inputs[1:])
    shape = getattr(output, "shape", None)
    if shape is None or tuple(shape) != expected:
        found = _kind(output) if shape is None else f"an output of shape {tuple(shape)}"
        raise InputError(f"{name_of(network)} returned {found}, expected one of shape {expected}")


def _kind(value: Any) -> str:
    """A name for what a network returned."""
    if hasattr(value, "shape"):  # also what jax or torch trace with, whose classes nobody knows
        return f"one thing, of shape {tuple(value.shape)}"
    if isinstance(value, tuple | list):
        return f"{len(value)} things"
    return "nothing" if value is None else with_article(type(value).__name__)
