"""Models by their configurations: made fresh, or with weights from a file."""

from pathlib import Path

from auralflow.config import Config, SpectrogramConfig
from auralflow_torch.models.base import SeparationModel, as_config
from auralflow_torch.models.spectrogram import SpectrogramMaskModel
from auralflow_torch.weights import load_state, read_weights

# What makes a model of a network, by the configuration that it extends.
FAMILIES: dict[type, type[SeparationModel]] = {SpectrogramConfig: SpectrogramMaskModel}


def create_model(config: dict | Config) -> SeparationModel:
    """The model that a configuration describes, of whatever family, with fresh weights.

    Args:
        config: what `auralflow.utils.load_config` returns, or a `Config`.

    Raises:
        InputError: a wrong key or value.

    Example:
        >>> type(create_model({"model": {"model_type": "SpectrogramNetLSTM", "hidden_channels": 2}})).__name__
        'SpectrogramMaskModel'
    """
    config = as_config(config)
    family = next(FAMILIES[kind] for kind in type(config.model).__mro__ if kind in FAMILIES)
    return family(config)


def load_model(path: str | Path) -> SeparationModel:
    """A model of whatever family with its weights, in evaluation mode, on the CPU.

    Args:
        path: a model folder, its best.safetensors alone, or a converted safetensors file.

    Raises:
        InputError: there is no such file, it is damaged or of another kind, or its tensors do not fit.
    """
    config, state, origin = read_weights(path)
    model = create_model(config)
    load_state(model.network, state, origin)
    return model.eval()
