"""Names that a package imports when they are first used."""

import importlib
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

from auralflow_core.optional import needs


def lazy_names(
    package: str, names: Mapping[str, str], modules: Iterable[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Makes the `__getattr__` (PEP 562) and the `__dir__` of a package that imports its names when they are first used.

    `dir` then lists the package's public names and its modules, not the names that its own code needs.

    Args:
        package: the package's `__name__`.
        names: each name, with the module that holds it; `module:name` where it has another name there.
        modules: names of modules in the package itself.

    Example:
        __getattr__, __dir__ = lazy_names(__name__, {"load": "auralflow_jax.loading"}, ("losses", "metrics"))
    """
    homes = {name: home.split(":") if ":" in home else (home, name) for name, home in names.items()}
    modules = tuple(modules)

    def __getattr__(name: str) -> Any:
        with needs("jax", "torch"):
            if name in homes:
                module, attribute = homes[name]
                return getattr(importlib.import_module(module), attribute)
            if name in modules:
                return importlib.import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        own = vars(importlib.import_module(package)).items()
        loaded = {name for name, value in own if name.startswith("__") or isinstance(value, ModuleType)}
        return sorted({*loaded, *homes, *modules})

    return __getattr__, __dir__
