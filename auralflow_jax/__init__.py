"""The training core in JAX: pure functions over pytrees.

The names below are imported when they are first used, so that processes which only read data need no jax.
"""

import importlib

_HOME = {
    "Separator": "auralflow_jax.separation",
    "load": "auralflow_jax.separation",
    "register": "auralflow_jax.networks",
    "separate": "auralflow_jax.separation",
}

__all__ = [*_HOME]  # noqa: PLE0604


def __getattr__(name: str):
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'auralflow_jax' has no attribute {name!r}")
