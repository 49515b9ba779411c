"""Configurations from and to plain data, and from the text of a command line."""

import re
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec

from auralflow_core.config.base import Group
from auralflow_core.config.fields import choices, types_of
from auralflow_core.config.registry import GROUPS, MODELS
from auralflow_core.config.schema import Config
from auralflow_core.errors import InputError, brief, closest, shown
from auralflow_core.storage.json_files import check_plain, parse_json
from auralflow_core.structs import convert

Struct = TypeVar("Struct", bound=Group)


def template(model_type: str) -> Config:
    """The configuration with every default, for one of `MODELS`."""
    return from_dict({"model": {"model_type": model_type}})


def to_dict(config: Config) -> dict:
    """The configuration as plain dicts, lists, strings and numbers: what config.json holds."""
    return config.to_dict()


def from_dict(settings: dict, origin: str = "config") -> Config:
    """The inverse of `to_dict`; absent keys take their defaults.

    Args:
        settings: groups of settings, as in config.json; a model's family has its own defaults for some of them.
        origin: where they come from, for messages.

    Raises:
        InputError: an unknown key, a wrong type or a value out of range, with the key's path.
    """
    groups = groups_of(settings, origin)
    settings = settings | {"training": MODELS[settings["model"]["model_type"]].TRAINING | settings.get("training", {})}
    decoded: dict[str, Any] = {
        name: decode(struct, settings.get(name, {}), origin, name) for name, struct in groups.items()
    }
    try:
        return Config(**decoded)
    except ValueError as error:
        raise InputError(f"{origin}: {error}") from None


def decode(struct: type[Struct], settings: dict, origin: str, group: str = "") -> Struct:
    """One group of settings from plain data.

    Args:
        struct: the group's.
        settings: by name; absent ones take their defaults.
        origin: where they come from, for messages.
        group: the group's own key in a configuration, for messages.

    Raises:
        InputError: an unknown key, a wrong type or a value out of range.
    """
    check_plain(settings, origin, group)
    known, prefix = struct.__struct_fields__, f"{group}." if group else ""
    for key in settings:
        if key not in known and key != struct.__struct_config__.tag_field:
            raise InputError(f"{origin}: unknown key {prefix}{brief(key)}; {closest(key, known)}")
    for key, kind in types_of(struct).items():
        if key in settings and choices(kind) and settings[key] not in choices(kind):
            accepted = closest(shown(settings[key]).strip("'"), map(str, choices(kind)))
            raise InputError(f"{origin}: {prefix}{key}: unknown value {shown(settings[key])}; {accepted}")
    try:
        return convert(settings, struct)
    except msgspec.ValidationError as error:
        raise InputError(f"{origin}: {message_of(error, settings, group)}") from None


def groups_of(settings: dict, origin: str = "config") -> dict[str, type[Group]]:
    """The struct that describes each group, the model's by its `model_type`."""
    if not isinstance(settings, dict) or not all(isinstance(group, dict) for group in settings.values()):
        raise InputError(f"{origin}: expected an object with the groups model, dataset, training, visualizer")
    for name in settings:
        if name not in (known := ("model", *GROUPS)):
            raise InputError(f"{origin}: unknown group {shown(name)}; {closest(str(name), known)}")
    model_type = settings.get("model", {}).get("model_type")
    if model_type is None:
        raise InputError(f"{origin}: model.model_type is missing; known: {', '.join(sorted(MODELS))}")
    if not isinstance(model_type, str) or model_type not in MODELS:
        raise InputError(f"{origin}: unknown model {shown(model_type)}; {closest(shown(model_type), MODELS)}")
    return {"model": MODELS[model_type], **GROUPS}


def override(config: Config, changes: dict[str, str]) -> Config:
    """A configuration with some leaves changed, from text as it stands on a command line.

    Args:
        config: the configuration to start from.
        changes: leaf name -> text. Lists are separated by commas, dicts are JSON, `none` is no value.

    Raises:
        InputError: an unknown leaf name, or text that its key does not accept.
    """
    settings = to_dict(config)
    owner = {leaf: (name, group) for name, group in groups_of(settings).items() for leaf in group.__struct_fields__}
    for leaf, text in changes.items():
        if leaf not in owner:
            raise InputError(f"unknown key {shown(leaf)} of {settings['model']['model_type']}; {closest(leaf, owner)}")
        name, group = owner[leaf]
        settings[name][leaf] = _parse(name, leaf, text, group)
    return from_dict(settings, "command line")


def differing_keys(ours: Config, theirs: Config, may_differ: tuple[str, ...] = ()) -> list[str]:
    """The settings of the model, each with both values, in which two configurations differ."""
    a, b = (to_dict(config)["model"] for config in (ours, theirs))
    kind = "model_type"
    keys = a.keys() | b.keys() if a[kind] == b[kind] else {kind}  # all settings of another model differ
    return [
        f"{key} ({shown(b.get(key))} there, {shown(a.get(key))} here)"
        for key in sorted(keys)
        if a.get(key) != b.get(key) and key not in may_differ
    ]


def _parse(name: str, leaf: str, text: str, group: type[Group]):
    """The value that `text` stands for, by the type of the leaf."""
    kind = types_of(group)[leaf]
    origin = get_origin(kind)
    try:
        if text.lower() in ("none", "null") and type(None) in get_args(kind):
            return None
        if origin is dict:
            return convert(parse_json(text, f"command line: {name}.{leaf}"), kind)
        if origin is Literal:  # one that is no choice is refused with all the others
            return next((choice for choice in get_args(kind) if str(choice) == text), text)
        if origin is tuple:
            if text.strip()[:1] + text.strip()[-1:] == "[]":  # JSON, for parts with commas
                parts = parse_json(text, f"command line: {name}.{leaf}")
            else:
                parts = [part.strip() for part in text.split(",")] if text.strip() else []
            return msgspec.to_builtins(convert(parts, kind, strict=False))
        if kind is bool and text.lower() not in ("true", "false"):
            raise msgspec.ValidationError("Expected `true` or `false`")
        return msgspec.to_builtins(convert(text.lower() if kind is bool else text, kind, strict=False))
    except msgspec.ValidationError as error:
        expected = _lower(_without_type(brief(str(error))))
        raise InputError(f"command line: {name}.{leaf}: {expected}, got {shown(text)}") from None


def message_of(error: msgspec.ValidationError, settings: dict, group: str = "") -> str:
    """msgspec's message, after the key's path and before the value.

    Args:
        error: what msgspec raised.
        settings: the plain data that it was decoding.
        group: their own key, where they are a part of something.
    """
    message, _, where = str(error).partition(" - at `$")
    path = [part for part in where.rstrip("`").replace("[", ".[").split(".") if part]
    value, found = settings, bool(path)
    for part in path:
        key = int(part[1:-1]) if part.startswith("[") and part[1:-1].isdecimal() else part
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            found = False
            break
    name = brief(".".join([group, *path] if group else path).replace(".[", "["))
    detail = ""
    if found and not isinstance(value, dict):
        message, detail = _without_type(message), f", got {shown(value)}"
    return f"{name + ': ' if name else ''}{_lower(brief(message, 500))}{detail}"


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:] if message.startswith(("Expected", "Invalid", "Object")) else message


def _without_type(message: str) -> str:
    """msgspec's message without the type that it found, where the value itself follows."""
    return re.sub(r", got `\w+`(?= - at |$)", "", message)
