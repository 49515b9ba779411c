"""What the documentation keeps under this name: reading a configuration, and `data_utils.AudioTransform`."""

from pathlib import Path

from auralflow_core import config as configuration
from auralflow_core.model_folder import ModelFolder, read_config

__all__ = ["load_config"]


def load_config(path: str | Path) -> dict:
    """Reads a configuration as plain dicts, lists, strings and numbers: what models are made of.

    Args:
        path: a config.json, or the model folder that holds it.

    Returns:
        The groups `model`, `dataset`, `training` and `visualizer`, checked; absent keys have their defaults.

    Raises:
        InputError: there is no such file, it is no JSON, or it holds a wrong key or value.

    Example:
        settings = load_config("my_model/config.json")
        settings["model"]["targets"]
    """
    config = ModelFolder(path).load_config() if Path(path).is_dir() else read_config(path)
    return configuration.to_dict(config)
