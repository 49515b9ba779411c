"""The separation models as torch modules, with the weights that auralflow_jax trains.

The names below are imported when they are first used, so that `import auralflow_torch` brings in no torch. The same
names mean the same in auralflow_jax: docs/faces.md has the table.
"""

from typing import TYPE_CHECKING

from auralflow_core.lazy import lazy_names

if TYPE_CHECKING:  # the same names for type checkers and editors
    from auralflow_torch import losses as losses
    from auralflow_torch import metrics as metrics
    from auralflow_torch import networks as networks
    from auralflow_torch import spectral as spectral
    from auralflow_torch import wiener as wiener
    from auralflow_torch.loading import load as load
    from auralflow_torch.models import AudioModel as AudioModel
    from auralflow_torch.models import Estimate as Estimate
    from auralflow_torch.models import HybridModel as HybridModel
    from auralflow_torch.models import SeparationModel as SeparationModel
    from auralflow_torch.models import SpectrogramMaskModel as SpectrogramMaskModel
    from auralflow_torch.models import create_model as create_model
    from auralflow_torch.models import load_model as load_model
    from auralflow_torch.networks import register as register
    from auralflow_torch.separation import Separator as Separator
    from auralflow_torch.separation import separate as separate
    from auralflow_torch.streaming import StreamingSeparator as StreamingSeparator
    from auralflow_torch.train.trainer import ModelTrainer as ModelTrainer

_HOME = {
    "AudioModel": "auralflow_torch.models",
    "Estimate": "auralflow_torch.models",
    "HybridModel": "auralflow_torch.models",
    "ModelTrainer": "auralflow_torch.train.trainer",
    "SeparationModel": "auralflow_torch.models",
    "Separator": "auralflow_torch.separation",
    "SpectrogramMaskModel": "auralflow_torch.models",
    "StreamingSeparator": "auralflow_torch.streaming",
    "create_model": "auralflow_torch.models",
    "load": "auralflow_torch.loading",
    "load_model": "auralflow_torch.models",
    "register": "auralflow_torch.networks",
    "separate": "auralflow_torch.separation",
}
_MODULES = ("losses", "metrics", "networks", "spectral", "wiener")

__all__ = [*_HOME, *_MODULES]  # noqa: PLE0604
__getattr__, __dir__ = lazy_names(__name__, _HOME, _MODULES)
