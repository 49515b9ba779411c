"""Music source separation: training models and using them.

The names below are imported when they are first used, so that `import auralflow` alone imports nothing else.
"""

from typing import TYPE_CHECKING

from auralflow_core.lazy import lazy_names

if TYPE_CHECKING:  # the same names for type checkers and editors
    from auralflow import datasets as datasets
    from auralflow import losses as losses
    from auralflow import models as models
    from auralflow import trainer as trainer
    from auralflow import utils as utils
    from auralflow import version as _version
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

    __version__ = _version.VERSION
    read_audio, write_audio = _audio.read, _audio.write

# Public name -> the module that holds it, and its name there where that is another one.
_HOME = {
    "__version__": "auralflow.version:VERSION",
    "Config": "auralflow_core.config",
    "InputError": "auralflow_core.errors",
    "MissingPackage": "auralflow_core.errors",
    "ModelFolder": "auralflow_core.model_folder",
    "evaluate": "auralflow.api.evaluation",
    "make_songs": "auralflow.songs",
    "overlap_add": "auralflow_core.dsp.overlap_add",
    "read_audio": "auralflow_core.audio:read",
    "separate": "auralflow.api.separation",
    "train": "auralflow.backends",
    "write_audio": "auralflow_core.audio:write",
}
# The documented torch names; not in `__all__`, as most of them need torch.
_MODULES = ("datasets", "losses", "models", "trainer", "utils", "visualizer")

__all__ = [*_HOME]  # noqa: PLE0604
__getattr__, __dir__ = lazy_names(__name__, _HOME, _MODULES)
