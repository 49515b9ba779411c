"""Builds the API reference from the docstrings: `python docs/build.py`, then open docs/api/index.html."""

import importlib
import pkgutil
import re
import sys
import textwrap
import warnings
from collections.abc import Iterator
from pathlib import Path

import pdoc

EXAMPLE = re.compile(r"^Example:\n((?: +.*(?:\n|$)|\n)+)", re.MULTILINE)
PACKAGES = ("auralflow", "auralflow_jax", "auralflow_torch", "bridge")


def build(output: Path) -> None:
    """Writes a page for each module, with links between the four packages; a warning ends it."""
    warnings.filterwarnings("error", module=r"pdoc\b")
    warnings.filterwarnings("ignore", ".*ForwardRef.'ArrayTree'.*")  # optax's type of its states, which names itself
    modules = [module for package in PACKAGES for module in specifications(package)]
    as_markdown = pdoc.docstrings.google
    pdoc.docstrings.google = lambda docstring: as_markdown(EXAMPLE.sub(_as_code, docstring))
    pdoc.render.configure(docformat="google", math=True, show_source=False)
    pdoc.pdoc(*modules, output_directory=output)


def _as_code(example: re.Match) -> str:
    """An example as a block of code; pdoc takes it for text."""
    return f"**Example:**\n\n```python\n{textwrap.dedent(example[1]).rstrip()}\n```\n\n"


def specifications(name: str) -> Iterator[str]:
    """What to ask pdoc for, so that it finds all modules and names of a package.

    In a package with `__all__` it passes over modules that are not listed there, and does not ask for names that are
    imported when they are first used; in one without, it finds all modules by itself.
    """
    yield name
    package = importlib.import_module(name)
    if hasattr(package, "__all__") and hasattr(package, "__path__"):
        for public in package.__all__:
            setattr(package, public, getattr(package, public))
        for module in pkgutil.iter_modules(package.__path__, f"{name}."):
            if not module.name.endswith(".__main__"):
                yield from specifications(module.name)


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "api")
