"""The documented utilities: `load_config`, and `data_utils.AudioTransform`, which needs torch."""

from pathlib import Path

from auralflow_core import config as configuration
from auralflow_core.model_folder import ModelFolder, read_config

__all__ = ["load_config"]


def load_config(path: str | Path) -> dict:
    """Reads a configuration as plain dicts, lists, strings and numbers, from which `create_model` makes a model.

    Args:
        path: a config.json, or the model folder that holds it.

    Returns:
        The groups `model`, `dataset`, `training` and `visualizer`, checked; absent keys have their defaults.

    Raises:
        InputError: the file is missing, is not JSON, or holds a wrong key or value.

    Example:
        settings = load_config("my_model/config.json")
        settings["model"]["targets"]
    """
    config = ModelFolder(path).load_config() if Path(path).is_dir() else read_config(path)
    return configuration.to_dict(config)
