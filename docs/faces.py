"""Compares the public names of auralflow_jax and auralflow_torch: `python docs/faces.py` writes docs/faces.md.

tests/test_faces.py fails where two signatures differ, and where the page is not what this script would write.
"""

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from flax import linen
from torch import nn

import auralflow_jax
import auralflow_torch

PAGE = Path(__file__).with_name("faces.md")
PACKAGES = (auralflow_jax, auralflow_torch)
MADE = (linen.Module, nn.Module, auralflow_jax.SeparationModel)  # by `create_model`, and not by their constructors
INTRO = """\
# Two packages, one interface

`auralflow_jax` and `auralflow_torch` have the same names with the same arguments in the same order. This page is
written by `python docs/faces.py` from the signatures, and a test compares it with them. An argument that only one
package has is always a keyword with a default, and stands in the last column. Models and networks stand here without
arguments: `load`, `create_model` and `networks.create_network` make them.

In auralflow_jax the axis of the targets is always there. In auralflow_torch a tensor of one target keeps the shape of
the audio, as documented for its models; a numpy array has the axis.
"""


def sections() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yields each section's title, and its public names with their objects in JAX and in torch."""
    jax, torch = (public(package) for package in PACKAGES)
    modules = [name for name, value in jax.items() if isinstance(value, ModuleType)]
    ours, theirs = ({k: v for k, v in names.items() if k not in modules} for names in (jax, torch))
    yield "The packages", ours, theirs
    for name in ("SeparationModel", "StreamingSeparator"):
        yield name, members(jax[name]), members(torch[name])
    for name in modules:
        yield name, public(jax[name]), public(torch[name])


def public(module: ModuleType) -> dict[str, Any]:
    """The names in `__all__`; of a module without it, the public functions and classes that are defined there."""
    if hasattr(module, "__all__"):
        return {name: getattr(module, name) for name in sorted(module.__all__)}
    defined = inspect.getmembers(module, lambda value: getattr(value, "__module__", None) == module.__name__)
    return {name: value for name, value in defined if not name.startswith("_")}


def members(kind: type) -> dict[str, Any]:
    """The public attributes, properties and methods that our own classes among a class's bases define."""
    found: dict[str, Any] = {}
    for base in reversed([base for base in kind.__mro__ if base.__module__.startswith("auralflow")]):
        found |= dict.fromkeys(inspect.get_annotations(base))
        found |= {name: getattr(kind, name) for name in vars(base)}
    return {name: value for name, value in sorted(found.items()) if not name.startswith("_")}


def compare(jax: Any, torch: Any) -> list[str]:
    """Returns the differences between two objects of one name that are not allowed; see the page.

    Args:
        jax: function, method, class or attribute of auralflow_jax.
        torch: the same of auralflow_torch.
    """
    ours, theirs = parameters(jax), parameters(torch)
    if ours is None or theirs is None:
        return [] if ours is theirs else [f"{described(ours)} in JAX, {described(theirs)} in torch"]
    problems = []
    shared = [[name for name in side if name in other] for side, other in ((ours, theirs), (theirs, ours))]
    if shared[0] != shared[1]:
        problems.append(f"arguments in the order {shared[0]} in JAX, {shared[1]} in torch")
    for name in shared[0]:
        pair = [(side[name].kind, repr(side[name].default)) for side in (ours, theirs)]
        if pair[0] != pair[1]:
            problems.append(f"{name!r} is `{ours[name]}` in JAX, `{theirs[name]}` in torch")
    for side, other in ((ours, theirs), (theirs, ours)):
        for name, parameter in side.items():
            if name not in other and (parameter.kind != parameter.KEYWORD_ONLY or parameter.default is parameter.empty):
                problems.append(f"{name!r} exists on one side and is no keyword with a default")
    return problems


def parameters(value: Any) -> Mapping[str, inspect.Parameter] | None:
    """The arguments, without annotations, of a function or class; None for models and networks, and other objects."""
    if not inspect.isroutine(value) and not (inspect.isclass(value) and not issubclass(value, MADE)):
        return None
    arguments = inspect.signature(value).parameters
    return {n: p.replace(annotation=inspect.Parameter.empty) for n, p in arguments.items() if n != "self"}


def described(arguments: Mapping[str, inspect.Parameter] | None) -> str:
    """The arguments as they stand behind a name."""
    if arguments is None:
        return ""
    try:
        return str(inspect.Signature(list(arguments.values())))
    except ValueError:  # of arguments that are not in an order which Python takes
        return f"({', '.join(map(str, arguments.values()))})"


def page() -> str:
    """The whole page, in Markdown."""
    return INTRO + "".join(_section(*section) for section in sections())


def _section(title: str, jax: dict[str, Any], torch: dict[str, Any]) -> str:
    lines = ["", f"## {title}", "", "| name in both | only in one |", "|---|---|"]
    for name in sorted(jax.keys() & torch.keys()):
        ours, theirs = parameters(jax[name]), parameters(torch[name])
        text, extra = name, []
        if ours is not None and theirs is not None:
            both = {argument: parameter for argument, parameter in ours.items() if argument in theirs}
            text += described(both)
            extra = [
                f"{side}: `{p}`"
                for side, own in (("JAX", ours), ("torch", theirs))
                for n, p in own.items()
                if n not in both
            ]
        lines.append(f"| `{text}` | {', '.join(extra)} |")
    for side, own, other in (("JAX", jax, torch), ("torch", torch, jax)):
        if alone := sorted(own.keys() - other.keys()):
            lines += ["", f"Only in {side}: {', '.join(f'`{name}`' for name in alone)}."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
