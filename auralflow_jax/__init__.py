"""The training core in JAX: pure functions over pytrees.

The names below are imported when they are first used, so that processes which only read data need no jax.
"""

import importlib

__all__ = ["Separator", "load", "separate"]


def __getattr__(name: str):
    if name in __all__:
        return getattr(importlib.import_module("auralflow_jax.separation"), name)
    raise AttributeError(f"module 'auralflow_jax' has no attribute {name!r}")
