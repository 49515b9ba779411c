"""Training and inference in JAX: models that are pytrees, and pure functions of arrays.

The names below are imported when they are first used, so that processes which only read data need no jax. The same
names mean the same in auralflow_torch: docs/faces.md has the table.
"""

from typing import TYPE_CHECKING

from auralflow_core.lazy import lazy_names

if TYPE_CHECKING:  # the same names for type checkers and editors
    from auralflow_jax import losses as losses
    from auralflow_jax import metrics as metrics
    from auralflow_jax import networks as networks
    from auralflow_jax import spectral as spectral
    from auralflow_jax import wiener as wiener
    from auralflow_jax.loading import load as load
    from auralflow_jax.models import AudioModel as AudioModel
    from auralflow_jax.models import Estimate as Estimate
    from auralflow_jax.models import HybridModel as HybridModel
    from auralflow_jax.models import SeparationModel as SeparationModel
    from auralflow_jax.models import SpectrogramMaskModel as SpectrogramMaskModel
    from auralflow_jax.models import create_model as create_model
    from auralflow_jax.networks import register as register
    from auralflow_jax.separation import Separator as Separator
    from auralflow_jax.separation import separate as separate
    from auralflow_jax.streaming import StreamingSeparator as StreamingSeparator
    from auralflow_jax.train.fitting import fit as fit
    from auralflow_jax.train.state import new_state as new_state
    from auralflow_jax.train.step import make_train_step as make_train_step

_HOME = {
    "AudioModel": "auralflow_jax.models",
    "Estimate": "auralflow_jax.models",
    "HybridModel": "auralflow_jax.models",
    "SeparationModel": "auralflow_jax.models",
    "Separator": "auralflow_jax.separation",
    "SpectrogramMaskModel": "auralflow_jax.models",
    "StreamingSeparator": "auralflow_jax.streaming",
    "create_model": "auralflow_jax.models",
    "fit": "auralflow_jax.train.fitting",
    "load": "auralflow_jax.loading",
    "make_train_step": "auralflow_jax.train.step",
    "new_state": "auralflow_jax.train.state",
    "register": "auralflow_jax.networks",
    "separate": "auralflow_jax.separation",
}
_MODULES = ("losses", "metrics", "networks", "spectral", "wiener")

__all__ = [*_HOME, *_MODULES]  # noqa: PLE0604
__getattr__, __dir__ = lazy_names(__name__, _HOME, _MODULES)
