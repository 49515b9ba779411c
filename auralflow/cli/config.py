"""What `auralflow config` does: making a model folder from a template, editing one in place, showing it."""

import functools
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple, get_args, get_origin

import msgspec
from rich.table import Table

from auralflow_core import config as configuration
from auralflow_core.config import MODELS, Config, from_dict, groups_of, to_dict
from auralflow_core.config.base import Group
from auralflow_core.errors import InputError, closest
from auralflow_core.model_folder import ModelFolder

COMMENT = re.compile(r"^    (\w+): .*?  # (.+)$", re.MULTILINE)


class Leaf(NamedTuple):
    """A setting of some model."""

    group: str
    name: str
    meaning: str
    is_list: bool


def leaves() -> Iterator[Leaf]:
    """Every setting of every model, once.

    Example:
        >>> next(leaf for leaf in leaves() if leaf.name == "targets").is_list
        True
    """
    structs = [item for model in MODELS for item in groups_of({"model": {"model_type": model}}).items()]
    seen = set()
    for group, struct in structs:
        meanings = _meanings(struct)
        for field in msgspec.structs.fields(struct):
            if field.name not in seen:
                seen.add(field.name)
                yield Leaf(group, field.name, meanings[field.name], get_origin(field.type) is tuple)


def configure(path: str | Path, model_type: str | None, name: str | None, changes: dict[str, str],
              preset: str | None = None) -> tuple[ModelFolder, Config | None, Config]:
    """Makes a model folder from a template, or edits the one that is there; keys that are not named keep their values.

    Args:
        path: the model folder.
        model_type: one of `MODELS`; needed for a new folder.
        name: of a new folder and its model, in place of the last part of `path`; of an existing one, the model's.
        changes: leaf name -> text, see `config.override`.
        preset: of a new folder, see `read_template`.

    Returns:
        The folder, its configuration before (None for a new one) and now.

    Raises:
        InputError: no such folder and no model type, an unknown one, another one than the folder has, a preset for a
            folder that is there, or a change that is refused. Nothing is written then.
    """
    if model_type is not None and model_type not in MODELS:
        raise InputError(f"unknown model {model_type!r}; {closest(model_type, MODELS)}")
    folder, before = ModelFolder(path), None
    if folder.config_file.exists():
        before = folder.load_config()
        if model_type not in (None, type(before.model).__name__):
            raise InputError(f"{folder.config_file}: is a {type(before.model).__name__} and cannot become a "
                             f"{model_type}; leave the model out to edit it, or make a new folder")
        if preset is not None:
            raise InputError(f"{folder.config_file}: exists already, and preset {preset!r} is of new folders")
        start = before
    elif model_type is None:
        raise InputError(f"{folder.path}: no model folder, it has no config.json; to make one, name one of these "
                         f"models: {', '.join(sorted(MODELS))}")
    else:
        start = read_template(model_type, preset)
        if name is not None:
            folder = ModelFolder(folder.path.with_name(_plain(name)))
            if folder.config_file.exists():
                raise InputError(f"{folder.config_file}: exists already; to edit it, give {folder.path} as the folder")
        name = name or folder.name
    after = configuration.override(start, ({} if name is None else {"model_name": name}) | changes)
    folder.save_config(after)
    return folder, before, after


def configure_like(path: str | Path, other: str | Path) -> ModelFolder | None:
    """Makes a folder with another model's settings, unless it has some.

    Args:
        path: the folder, after which the model is named.
        other: the other model's folder.

    Returns:
        The folder, or None where it has a configuration already.

    Raises:
        InputError: the other is no model folder.
    """
    folder = ModelFolder(path)
    if folder.config_file.exists():
        return None
    folder.save_config(configuration.override(ModelFolder(other).load_config(), {"model_name": folder.name}))
    return folder


def differences(before: Config, after: Config) -> Iterator[str]:
    """A line `key: old -> new` for every setting that differs."""
    old, new = to_dict(before), to_dict(after)
    for group, settings in new.items():
        for key, value in settings.items():
            if value != old[group][key]:
                yield f"{key}: {_text(old[group][key])} -> {_text(value)}"


def tables(config: Config) -> Iterator[Table]:
    """One table for each group: key, value, meaning."""
    settings = to_dict(config)
    for name, group in groups_of(settings).items():
        meanings = _meanings(group)
        table = Table(title=name, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
        for column, style in (("key", "cyan"), ("value", None), ("meaning", "dim")):
            table.add_column(column, style=style, overflow="fold")
        for key, value in settings[name].items():
            meaning = meanings.get(key, "what the folder was made from")  # all but the model's own type are fields
            table.add_row(key, _text(value), meaning)
        yield table


def read_template(model_type: str, preset: str | None = None) -> Config:
    """The configuration that a new folder gets.

    Args:
        model_type: one of `MODELS`.
        preset: one of the folders in configs/, whose files name what differs from the template; default: none.

    Raises:
        InputError: an unknown preset, or one without this model.
    """
    configs = templates_folder()
    file = configs / (preset or "models") / f"{model_type}.json"
    if preset is not None and not file.exists():
        presets = {path.parent.name for path in configs.glob(f"*/{model_type}.json")} - {"models"}
        raise InputError(f"unknown preset {preset!r} of {model_type}; {closest(preset, presets)}")
    return from_dict(json.loads(file.read_text(encoding="utf-8")), str(file))


def templates_folder() -> Path:
    """configs/, which lies in the installed package, or beside it in a source checkout."""
    above = Path(__file__).resolve().parents
    folders = [folder / "configs" for folder in above[1:3]]
    return next((folder for folder in folders if folder.is_dir()), folders[0])


def _meanings(group: type[msgspec.Struct]) -> dict[str, str]:
    """The comments beside the fields of a group and of those that it extends, and their choices."""
    comments = {name: comment for struct in reversed(group.__mro__) for name, comment in _comments(struct).items()}
    meanings = {}
    for field in msgspec.structs.fields(group):
        choices = ", ".join(map(str, get_args(field.type))) if get_origin(field.type) is Literal else ""
        meanings[field.name] = "; ".join(filter(None, (comments.get(field.name), choices)))
    return meanings


@functools.cache
def _comments(struct: type) -> dict[str, str]:
    """The comments beside the fields of a class."""
    return dict(COMMENT.findall(inspect.getsource(struct))) if issubclass(struct, Group) else {}


def _plain(name: str) -> str:
    """A name that can be a folder's."""
    if Path(name).name != name or name in (".", ".."):
        raise InputError(f"name {name!r} cannot be a folder's name; a single one without slashes is accepted")
    return name


def _text(value) -> str:
    """A setting as one would type it."""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, dict) else str(value)
