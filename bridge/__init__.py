"""Weights and training states between flax and torch, strict and bit-exact, and weights from other libraries.

The names below are imported when they are first used.
"""

from typing import TYPE_CHECKING

from auralflow_core.lazy import lazy_names

if TYPE_CHECKING:  # the same names for type checkers and editors
    from auralflow_core.weights.names import to_torch as to_torch
    from bridge import importers as importers
    from bridge.conversion import to_flax as to_flax
    from bridge.verification import verify as verify

_HOME = {"to_flax": "bridge.conversion", "to_torch": "auralflow_core.weights.names", "verify": "bridge.verification"}
_MODULES = ("importers",)

__all__ = [*_HOME, *_MODULES]  # noqa: PLE0604
__getattr__, __dir__ = lazy_names(__name__, _HOME, _MODULES)
