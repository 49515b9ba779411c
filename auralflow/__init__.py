"""Music source separation: training models and using them.

The names below are imported when they are first used, so that `import auralflow` alone imports nothing else.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the same names for type checkers and editors
    from auralflow import datasets as datasets
    from auralflow import losses as losses
    from auralflow import models as models
    from auralflow import trainer as trainer
    from auralflow import utils as utils
    from auralflow import visualizer as visualizer
    from auralflow.api.evaluation import evaluate as evaluate
    from auralflow.api.separation import separate as separate
    from auralflow.backends import train as train
    from auralflow.songs import make_songs as make_songs
    from auralflow_core import audio as _audio
    from auralflow_core.config import Config as Config
    from auralflow_core.dsp.overlap_add import overlap_add as overlap_add
    from auralflow_core.errors import InputError as InputError
    from auralflow_core.errors import MissingPackage as MissingPackage
    from auralflow_core.model_folder import ModelFolder as ModelFolder

    __version__: str
    read_audio, write_audio = _audio.read, _audio.write

# Public name -> the module that holds it, and its name there.
_HOME = {
    "Config": ("auralflow_core.config", "Config"),
    "InputError": ("auralflow_core.errors", "InputError"),
    "MissingPackage": ("auralflow_core.errors", "MissingPackage"),
    "ModelFolder": ("auralflow_core.model_folder", "ModelFolder"),
    "evaluate": ("auralflow.api.evaluation", "evaluate"),
    "make_songs": ("auralflow.songs", "make_songs"),
    "overlap_add": ("auralflow_core.dsp.overlap_add", "overlap_add"),
    "read_audio": ("auralflow_core.audio", "read"),
    "separate": ("auralflow.api.separation", "separate"),
    "train": ("auralflow.backends", "train"),
    "write_audio": ("auralflow_core.audio", "write"),
}
# The documented torch names; not in `__all__`, as most of them need torch.
_MODULES = ("datasets", "losses", "models", "trainer", "utils", "visualizer")

__all__ = ["__version__", *_HOME]  # noqa: PLE0604


def __getattr__(name: str):
    if name == "__version__":
        from importlib import metadata  # slow to import

        try:
            return metadata.version("auralflow")
        except metadata.PackageNotFoundError:
            return "unknown (a checkout that is not installed)"
    if name in _HOME:
        module, attribute = _HOME[name]
        return getattr(importlib.import_module(module), attribute)
    if name in _MODULES:
        return importlib.import_module(f"auralflow.{name}")
    raise AttributeError(f"module 'auralflow' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
