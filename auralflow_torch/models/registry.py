"""Models by their configurations: made fresh, or with weights from a file."""

from pathlib import Path

from auralflow_core.config import Config
from auralflow_core.errors import InputError
from auralflow_torch.models.audio import AudioModel
from auralflow_torch.models.base import SeparationModel, as_config
from auralflow_torch.models.hybrid import HybridModel
from auralflow_torch.models.spectrogram import SpectrogramMaskModel
from auralflow_torch.weights import load_state, read_weights

FAMILIES: dict[str, type[SeparationModel]] = {
    "spectrogram": SpectrogramMaskModel,
    "audio": AudioModel,
    "hybrid": HybridModel,
}


def family_of(config: Config) -> type[SeparationModel]:
    """The class of the model that a configuration describes."""
    return FAMILIES[config.model.FAMILY]


def check_family(model: type[SeparationModel], config: Config) -> None:
    """Refuses a configuration of another family.

    Args:
        model: one of FAMILIES, or a class that extends one.
        config: of the model that is to be made.

    Raises:
        InputError: the configuration belongs to another class.
    """
    ours, family = next((kind for kind in model.__mro__ if kind in FAMILIES.values()), None), family_of(config)
    if ours not in (None, family):
        raise InputError(
            f"{model.__name__} takes no configuration of {type(config.model).__name__}; {family.__name__} does"
        )


def create_model(config: dict | Config) -> SeparationModel:
    """The model that a configuration describes, whatever its family, with fresh weights.

    Args:
        config: the dict that `auralflow.utils.load_config` returns, or a `Config`.

    Raises:
        InputError: a wrong key or value.

    Example:
        >>> type(create_model({"model": {"model_type": "SpectrogramNetLSTM", "hidden_channels": 2}})).__name__
        'SpectrogramMaskModel'
    """
    config = as_config(config)
    return family_of(config)(config)


def load_model(path: str | Path) -> SeparationModel:
    """A model with its weights, whatever its family, in evaluation mode, on the CPU.

    Args:
        path: a model folder, its best.safetensors alone, or a converted safetensors file.

    Raises:
        InputError: the file is missing, damaged or of another kind, or its tensors do not fit.
    """
    config, state, origin = read_weights(path)
    model = create_model(config)
    load_state(model.network, state, origin)
    return model.eval()
