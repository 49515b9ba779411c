"""Training and using models that separate music into its sources.

The names below are imported when they are first used: `import auralflow` itself brings in nothing.
"""

import importlib

_HOME = {
    "Config": "auralflow_core.config",
    "InputError": "auralflow_core.errors",
    "ModelFolder": "auralflow_core.model_folder",
    "evaluate": "auralflow.api.evaluation",
    "make_songs": "auralflow.songs",
    "overlap_add": "auralflow_core.dsp.overlap_add",
    "separate": "auralflow.api.separation",
}
# The documented torch names; not in `__all__`, as most of them need torch.
_MODULES = ("datasets", "losses", "models", "trainer", "utils", "visualizer")

__all__ = ["__version__", *_HOME]  # noqa: PLE0604


def __getattr__(name: str):
    if name == "__version__":
        from importlib import metadata  # it takes as long as many a program

        try:
            return metadata.version("auralflow")
        except metadata.PackageNotFoundError:
            return "unknown (a checkout that is not installed)"
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"auralflow.{name}")
    raise AttributeError(f"module 'auralflow' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
