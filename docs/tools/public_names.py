"""The reference of a package: an entry for each public name, in the words of its docstring."""

import functools
import importlib
import inspect
import pkgutil
from types import ModuleType
from typing import Any, get_origin


def reference(package: str) -> str:
    """Directives of mkdocstrings for all that the package, or the packages in it, list in `__all__`.

    A name that another page describes, or one further up, is a link to it.
    """
    described: set[str] = set()
    return "\n".join(_section(importlib.import_module(name), package, described) for name in faces(package))


def faces(package: str) -> list[str]:
    """The package if it has public names, and those of its parts that have."""
    module = importlib.import_module(package)
    parts = [name for _, name, is_package in pkgutil.iter_modules(module.__path__, f"{package}.") if is_package]
    named = [name for name in parts if getattr(importlib.import_module(name), "__all__", None)]
    return ([package] if getattr(module, "__all__", None) else []) + named


def _section(module: ModuleType, package: str, described: set[str]) -> str:
    entries = [
        _entry(f"{module.__name__}.{name}", getattr(module, name), package, described) for name in module.__all__
    ]
    return "\n".join([f"## {module.__name__}", "", inspect.getdoc(module) or "", "", *filter(None, entries)]) + "\n"


def _entry(name: str, item: Any, package: str, described: set[str]) -> str:
    identifier = _identifier(item)
    if identifier is None:
        kind = "type" if get_origin(item) else type(item).__name__
        return "" if name.rpartition(".")[2].startswith("__") else f"### {name}\n\nA `{kind}`.\n"
    home = identifier.partition(".")[0]
    if identifier in described or (home != package and identifier in _identifiers(home)):
        return f"### {name}\n\nSee [`{identifier}`][{identifier}].\n"
    described.add(identifier)
    label = name.rpartition(".")[2]
    return f'::: {identifier}\n    options:\n      heading: "{name}"\n      toc_label: "{label}"\n'


@functools.cache
def _identifiers(package: str) -> set[str]:
    """The names that the package's own page describes."""
    modules = [importlib.import_module(name) for name in faces(package)]
    found = {_identifier(getattr(module, name)) for module in modules for name in module.__all__}
    return {identifier for identifier in found if identifier}


def _identifier(item: Any) -> str | None:
    """Where a class, function or module is defined; None for other values."""
    if isinstance(item, ModuleType):
        return item.__name__
    is_definition = inspect.isclass(item) or inspect.isfunction(item)
    return f"{item.__module__}.{item.__qualname__}" if is_definition else None
