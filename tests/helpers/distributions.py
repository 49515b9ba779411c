"""The packages that an installation of one of the repository's wheels brings."""

import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
OURS = {"auralflow", "auralflow_core", "auralflow_jax", "auralflow_torch", "bridge"}


def requirements(folder: str) -> list[str]:
    """The dependencies, without extras, of the project in a folder of the repository."""
    return tomllib.loads((ROOT / folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]


def modules_beyond(wanted: Iterable[str]) -> set[str]:
    """The modules that are installed here, and neither one of these requirements nor one of theirs brings."""
    brought, waiting = set(), [*wanted]
    while waiting:
        requirement = Requirement(waiting.pop())
        name = canonicalize_name(requirement.name)
        if name not in brought and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
            brought.add(name)
            waiting += metadata.requires(name) or []
    owners = metadata.packages_distributions()
    return {module for module, names in owners.items() if not brought & {*map(canonicalize_name, names)}} - OURS
