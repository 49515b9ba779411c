"""Training: data, model, state, and the loop over steps and epochs.

The names below are imported when they are first used, so that processes which only read data need no jax.
"""

import importlib

_HOME = {
    "Interrupted": "auralflow_jax.train.monitor",
    "Run": "auralflow_jax.train.run",
    "train": "auralflow_jax.train.run",
}

__all__ = [*_HOME]  # noqa: PLE0604


def __getattr__(name: str):
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'auralflow_jax.train' has no attribute {name!r}")
