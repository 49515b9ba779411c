"""Every setting with its meaning."""

import functools
import inspect
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, get_args, get_origin

import msgspec

from auralflow_core.config import MODELS, groups_of
from auralflow_core.config.base import Group

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
        texts = meanings(struct)
        for field in msgspec.structs.fields(struct):
            if field.name not in seen:
                seen.add(field.name)
                yield Leaf(group, field.name, texts[field.name], get_origin(field.type) is tuple)


def meanings(group: type[msgspec.Struct]) -> dict[str, str]:
    """The comments beside the fields of a group and of those that it extends, and their choices."""
    comments = {name: comment for struct in reversed(group.__mro__) for name, comment in _comments(struct).items()}
    found = {}
    for field in msgspec.structs.fields(group):
        choices = ", ".join(map(str, get_args(field.type))) if get_origin(field.type) is Literal else ""
        found[field.name] = "; ".join(filter(None, (comments.get(field.name), choices)))
    return found


@functools.cache
def _comments(struct: type) -> dict[str, str]:
    """The comments beside the fields of a class."""
    return dict(COMMENT.findall(inspect.getsource(struct))) if issubclass(struct, Group) else {}
