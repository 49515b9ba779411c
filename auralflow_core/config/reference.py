"""Every setting with its meaning."""

import functools
import json
from collections.abc import Iterator
from typing import Any, NamedTuple, get_origin

from auralflow_core.config.fields import meanings, types_of
from auralflow_core.config.parsing import template, to_dict
from auralflow_core.config.registry import GROUPS, MODELS
from auralflow_core.errors import brief


class Leaf(NamedTuple):
    """A setting of some model.

    Attributes:
        group: model, dataset, training or visualizer.
        name: its key.
        meaning: a phrase, with the unit.
        is_list: whether it takes several values.
        defaults: each as JSON with the models that have it, the most common one first.
    """

    group: str
    name: str
    meaning: str
    is_list: bool
    defaults: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def default(self) -> str:
        """The default in a few words; of several the most common one, then the others with their models."""
        common, *others = ((_plain(value), models) for value, models in self.defaults)
        return "; ".join([common[0], *(f"{value} in {', '.join(models)}" for value, models in others)])


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
                yield Leaf(group, name, texts[name], get_origin(kind) is tuple, _defaults(group, name))


@functools.cache
def _default_settings() -> dict[str, dict[str, Any]]:
    """The settings of a new folder of each model, as config.json holds them."""
    return {model: to_dict(template(model)) for model in MODELS}


def _defaults(group: str, name: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found: dict[str, list[str]] = {}
    for model, settings in _default_settings().items():
        if name in settings[group]:
            found.setdefault(json.dumps(settings[group][name]), []).append(model)
    return tuple((value, tuple(models)) for value, models in sorted(found.items(), key=lambda item: -len(item[1])))


def _plain(value: str) -> str:
    """A value in JSON as it is typed on the command line; a long one without its middle."""
    text = value.strip('"[]').replace('"', "") or ("empty" if value in ('""', "[]") else value)
    return "none" if value in ("null", "{}") else brief(text, 60)
