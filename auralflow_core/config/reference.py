"""Every setting with its meaning."""

from collections.abc import Iterator
from typing import NamedTuple, get_origin

from auralflow_core.config.fields import meanings, types_of
from auralflow_core.config.registry import GROUPS, MODELS


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
    seen = set()
    for group, struct in [*(("model", model) for model in MODELS.values()), *GROUPS.items()]:
        texts = meanings(struct)
        for name, kind in types_of(struct).items():
            if name not in seen:
                seen.add(name)
                yield Leaf(group, name, texts[name], get_origin(kind) is tuple)
