"""The tables of all settings, from the structs that hold them."""

import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from auralflow_core.config import MODELS, groups_of
from auralflow_core.config.reference import Leaf, leaves

BOUNDS = {"gt": "> {}", "ge": "≥ {}", "lt": "< {}", "le": "≤ {}"}
LARGEST = 2**31 - 1  # of integers that have no other bound
NAMES = {int: "integer", float: "number", str: "text", bool: "true or false"}


def settings() -> str:
    """A table for each group of settings; the model's names the networks that have a setting."""
    structs = {model: groups_of({"model": {"model_type": model}}) for model in MODELS}
    by_name = {leaf.name: leaf for leaf in leaves()}
    sections = []
    for group in next(iter(structs.values())):
        fields: dict[str, dict[str, msgspec.structs.FieldInfo]] = {}  # setting -> network -> field
        for model, groups in structs.items():
            for field in msgspec.structs.fields(groups[group]):
                fields.setdefault(field.name, {})[model] = field
        head = ["setting", "meaning", "value", "default"] + (["networks"] if group == "model" else [])
        rows = [
            [
                f"`{name}`",
                meaning(by_name[name].meaning, having),
                accepted(next(iter(having.values())).type),
                default(by_name[name]),
            ]
            + ([networks(having)] if group == "model" else [])
            for name, having in fields.items()
        ]
        sections.append(f"## {group}\n\n" + "\n".join(_table(head, rows)) + "\n")
    return "\n".join(sections)


def accepted(kind: Any) -> str:
    """The values that a field takes, in a few words."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        meta = [item for item in arguments[1:] if isinstance(item, msgspec.Meta)]
        bounds = [
            text.format(value)
            for item in meta
            for key, text in BOUNDS.items()
            if (value := getattr(item, key)) not in (None, LARGEST)
        ]
        return " ".join([accepted(arguments[0]), ", ".join(bounds)]).strip()
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin is tuple:
        return f"list of {accepted(arguments[0])}"
    if origin is dict:
        return f"{accepted(arguments[0])} → {accepted(arguments[1])}"
    if origin in (Union, types.UnionType):
        return " or ".join("null" if part is type(None) else accepted(part) for part in arguments)
    return NAMES.get(kind, getattr(kind, "__name__", str(kind)))


def default(leaf: Leaf) -> str:
    """The default; where networks differ, the most common one, then the others with their networks."""
    (common, _), *others = leaf.defaults
    return "; ".join([f"`{common}`", *(f"`{value}` in {', '.join(models)}" for value, models in others)])


def meaning(text: str, having: dict[str, msgspec.structs.FieldInfo]) -> str:
    """The description of a field, without the choices, which stand in a column already."""
    kind = next(iter(having.values())).type
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return text.removesuffix(", ".join(map(str, get_args(kind))) if get_origin(kind) is Literal else "").rstrip("; ")


def networks(having: dict[str, msgspec.structs.FieldInfo]) -> str:
    """The networks that have a setting, or the few that do not."""
    missing = [model for model in MODELS if model not in having]
    if len(missing) >= len(having):
        return ", ".join(having)
    return f"all but {', '.join(missing)}" if missing else "all"


def _table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(row)} |"
