"""The separation models as torch modules, with the weights that auralflow_jax trains.

The names below are imported when they are first used, so that `import auralflow_torch` brings in torch at most.
"""

import importlib

_HOME = {
    "AudioModel": "auralflow_torch.models",
    "HybridModel": "auralflow_torch.models",
    "SeparationModel": "auralflow_torch.models",
    "Separator": "auralflow_torch.separation",
    "SpectrogramMaskModel": "auralflow_torch.models",
    "StreamingSeparator": "auralflow_torch.streaming",
    "create_model": "auralflow_torch.models",
    "evaluate": "auralflow_torch.pipelines",
    "load": "auralflow_torch.weights",
    "load_model": "auralflow_torch.models",
    "register": "auralflow_torch.networks",
    "separate": "auralflow_torch.pipelines",
}

__all__ = [*_HOME]  # noqa: PLE0604


def __getattr__(name: str):
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'auralflow_torch' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
