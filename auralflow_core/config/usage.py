"""Whether a network uses all of its settings."""

import inspect
import sys
from collections.abc import Callable, Iterator
from types import CodeType, ModuleType
from typing import Any

from auralflow_core.config.model import ModelConfig
from auralflow_core.config.registry import FAMILIES


def check_used(network: Callable, struct: type[ModelConfig]) -> None:
    """Compares a struct's fields with the names in a network's code, so that no setting is silently without effect.

    The code is the network's module and what that imports from its own package, and those methods of the struct that
    occur there or in each other. Fields of the family's base struct are left out, as the model around the network reads
    them.

    Args:
        network: the class, or a function that makes the network.
        struct: the settings that it takes.

    Raises:
        ValueError: a field's name occurs nowhere.
    """
    names = set().union(*(code.co_names for code in _codes_of_package(network)))
    known = set()
    while known != names:  # methods call others
        known = names
        helpers = [vars(kind)[name] for kind in struct.__mro__ for name in names & vars(kind).keys()]
        names = names.union(*(code.co_names for helper in helpers for code in _codes(helper)))
    family = FAMILIES.get(getattr(struct, "FAMILY", ""), ModelConfig)
    unused = [name for name in struct.__struct_fields__ if name not in {*names, *family.__struct_fields__}]
    if unused:
        raise ValueError(
            f"{struct.__name__} has the settings {', '.join(unused)}, which the network "
            f"{network.__module__}.{network.__qualname__} does not use; read config.{unused[0]} there, or take it out"
        )


def _codes_of_package(network: Callable) -> Iterator[CodeType]:
    """The code of a class's module, and of the modules of the same package that it imports from."""
    package, waiting, seen = network.__module__.partition(".")[0], [network.__module__], set()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in sys.modules:
            continue
        seen.add(name)
        for value in list(vars(sys.modules[name]).values()):
            origin = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
            if origin == name:
                yield from _codes(value)
            elif isinstance(origin, str) and origin.partition(".")[0] == package:
                waiting.append(origin)


def _codes(value: Any) -> Iterator[CodeType]:
    """The code of a function or property and of the functions inside it, or of a class's methods."""
    if isinstance(value, type):
        for member in vars(value).values():
            if not isinstance(member, type):
                yield from _codes(member)
        return
    # A property of a flax module is kept in `wrapped`.
    for function in (value, *(getattr(value, name, None) for name in ("__func__", "fget", "wrapped"))):
        code = getattr(inspect.unwrap(function) if callable(function) else function, "__code__", None)
        waiting = [code]
        while waiting:
            if isinstance(inner := waiting.pop(), CodeType):
                yield inner
                waiting.extend(inner.co_consts)
