"""Weights and training states between flax and torch, strict and bit-exact, and weights from other libraries.

The names below are imported when they are first used.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the same names for type checkers and editors
    from auralflow_core.weights.names import to_torch as to_torch
    from bridge import importers as importers
    from bridge.conversion import to_flax as to_flax
    from bridge.verification import verify as verify

_HOME = {"to_flax": "bridge.conversion", "to_torch": "auralflow_core.weights.names", "verify": "bridge.verification"}
_MODULES = ("importers",)

__all__ = [*_HOME, *_MODULES]  # noqa: PLE0604


def __getattr__(name: str):
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
