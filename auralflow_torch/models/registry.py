"""Models by their configurations: made fresh, or with weights from a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auralflow_core.config import Config
from auralflow_core.model_folder import as_config
from auralflow_torch.models.base import FAMILIES, SeparationModel


def create_model(config_or_dict_or_path: Config | Mapping[str, Any] | str | Path) -> SeparationModel:
    """Makes the model that a configuration describes, of whatever family, with fresh weights.

    Args:
        config_or_dict_or_path: a `Config`; what config.json holds, as a dict; or the path of such a file or of a model
            folder. The weights are drawn from torch's random numbers.

    Raises:
        InputError: a wrong key or value, a file that cannot be read, or a model that the machine could not hold.

    Example:
        >>> type(create_model({"model": {"model_type": "SpectrogramNetLSTM", "hidden_channels": 2}})).__name__
        'SpectrogramMaskModel'
    """
    config = as_config(config_or_dict_or_path)
    return FAMILIES[config.model.FAMILY](config)


def load_model(path: str | Path) -> SeparationModel:
    """Loads a model of whatever family, in evaluation mode, on the CPU; see `SeparationModel.from_pretrained`."""
    return SeparationModel.from_pretrained(path)
