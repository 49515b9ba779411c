"""Making model folders from templates, and editing them in place."""

from collections.abc import Mapping
from pathlib import Path

from auralflow_core import config as configuration
from auralflow_core.config import MODELS, Config
from auralflow_core.config.templates import read_template
from auralflow_core.console.text import with_article
from auralflow_core.errors import InputError, closest, printable
from auralflow_core.model_folder import ModelFolder


def configure(
    path: str | Path, model_type: str | None, name: str | None, changes: dict[str, str], preset: str | None = None
) -> tuple[ModelFolder, Config | None, Config]:
    """Makes a model folder from a template, or edits an existing one; keys that are not named keep their values.

    Args:
        path: the model folder.
        model_type: one of `MODELS`; needed for a new folder.
        name: of a new folder and its model, in place of the last part of `path`; of an existing folder, only the
            model's name.
        changes: key -> text, see `config.override`.
        preset: for a new folder, see `read_template`.

    Returns:
        The folder, its earlier configuration (None for a new folder) and its new one.

    Raises:
        InputError: the folder is new and the model type is missing; the model type is unknown, or not that of the
            folder; a preset is given for an existing folder; or a change is refused. Nothing is written then.
    """
    if model_type is not None and model_type not in MODELS:
        raise InputError(f"unknown model {model_type!r}; {closest(model_type, MODELS)}")
    folder, before = ModelFolder(path), None
    if folder.config_file.exists():
        before = folder.load_config()
        if model_type is not None and model_type != type(before.model).__name__:
            raise InputError(
                f"{folder.config_file}: is {with_article(type(before.model).__name__)} and cannot become "
                f"{with_article(model_type)}; leave the model out to edit it, or make a new folder"
            )
        if preset is not None:
            raise InputError(f"{folder.config_file}: exists already, and preset {preset!r} is for new folders only")
        start = before
    elif model_type is None:
        raise InputError(
            f"{folder.path}: no model folder, it has no config.json; to make one, name one of these "
            f"models: {', '.join(sorted(MODELS))}"
        )
    else:
        start = read_template(model_type, preset)
        if name is not None:
            folder = ModelFolder(folder.path.with_name(_plain(name)))
            if folder.config_file.exists():
                raise InputError(f"{folder.config_file}: exists already; to edit it, give {folder.path} as the folder")
        name = name or printable(folder.name)
    after = configuration.override(start, ({} if name is None else {"model_name": name}) | changes)
    folder.save_config(after)
    return folder, before, after


def configure_like(path: str | Path, other: str | Path, changes: Mapping[str, str | None] = {}) -> ModelFolder | None:
    """Makes a folder with the settings of another model, unless the folder has settings.

    Args:
        path: the folder, whose name the model gets.
        other: the other model's folder.
        changes: key -> text, see `config.override`; None keeps what the other model has.

    Returns:
        The folder, or None if it has a configuration already.

    Raises:
        InputError: the other folder is no model folder, or a change is refused. Nothing is written then.
    """
    folder = ModelFolder(path)
    if folder.config_file.exists():
        return None
    texts = {name: text for name, text in changes.items() if text is not None} | {"model_name": printable(folder.name)}
    folder.save_config(configuration.override(ModelFolder(other).load_config(), texts))
    return folder


def configure_adapters(path: str | Path, rank: str | None, alpha: str | None, restart: bool) -> None:
    """Sets `lora_rank` and `lora_alpha` of a model folder; None keeps what is there.

    Args:
        path: the folder.
        rank: a number, as text.
        alpha: a number, as text.
        restart: whether an earlier run will be moved aside.

    Raises:
        InputError: a value that is not accepted, or another than that of the run in the folder, which goes on.
    """
    texts = {"lora_rank": rank, "lora_alpha": alpha}
    changes = {name: text for name, text in texts.items() if text is not None}
    if not changes:
        return
    folder = ModelFolder(path)
    before = folder.load_config()
    after = configuration.override(before, changes)
    if after == before:
        return
    if folder.checkpoint.exists() and not restart:
        names = " and ".join(f"{name} {getattr(before.training, name)}" for name in changes)
        raise InputError(f"{folder.path}: holds a run with {names}; leave the flag out, or start over with --restart")
    folder.save_config(after)


def _plain(name: str) -> str:
    """Returns the name if a folder can have it."""
    if Path(name).name != name or name in (".", ".."):
        raise InputError(f"name {name!r} cannot be a folder's name; a single one without slashes is accepted")
    return name
