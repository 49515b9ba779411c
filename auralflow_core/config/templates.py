"""The templates of model folders, and their presets."""

from pathlib import Path

from auralflow_core.config import Config, from_dict
from auralflow_core.config.parsing import template
from auralflow_core.errors import InputError, closest
from auralflow_core.storage.json_files import read_json


def read_template(model_type: str, preset: str | None = None) -> Config:
    """The configuration that a new folder gets.

    Args:
        model_type: one of `MODELS`. A model of another package, which has no file in configs/, begins with the
            defaults of its struct.
        preset: one of the folders in configs/, whose files hold the differences from the template.

    Raises:
        InputError: an unknown preset, or one without this model.
    """
    configs = templates_folder()
    file = configs / (preset or "models") / f"{model_type}.json"
    if preset is not None and not file.exists():
        presets = {path.parent.name for path in configs.glob(f"*/{model_type}.json")} - {"models"}
        raise InputError(f"unknown preset {preset!r} of {model_type}; {closest(preset, presets)}")
    if not file.exists():
        return template(model_type)
    return from_dict(read_json(file), str(file))


def templates_folder() -> Path:
    """configs/, in the installed package, or next to it in a source checkout."""
    above = Path(__file__).resolve().parents
    folders = [folder / "configs" for folder in above[1:3]]
    return next((folder for folder in folders if folder.is_dir()), folders[0])
