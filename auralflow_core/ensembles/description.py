"""Descriptions of ensembles and chains: JSON, or arguments, that name models."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

from msgspec import Meta

from auralflow_core.config.base import Group
from auralflow_core.config.ensemble import Combination
from auralflow_core.config.fields import choices
from auralflow_core.config.parsing import decode
from auralflow_core.console.text import count
from auralflow_core.errors import InputError, closest, shown
from auralflow_core.exported.paths import is_exported
from auralflow_core.model_folder import display_name, find_model
from auralflow_core.storage.json_files import read_json

SUFFIX = ".json"
MOST_MEMBERS = 64  # of all ensembles in an ensemble together
COMBINATIONS = choices(Combination)

Weight = Annotated[float, Meta(ge=0)]


class MemberEntry(Group):
    """One model as JSON names it."""

    model: str
    weights: Weight | dict[str, Weight] = 1.0  # of all its targets, or of those that are named; others have 1
    targets: tuple[str, ...] = ()  # that it has a part in; in a chain, that it separates


class EnsembleEntry(Group):
    """The content of the JSON."""

    members: tuple[Any, ...]
    combine: Combination = "mean"
    targets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Member:
    """One model of an ensemble.

    Attributes:
        name: as it was given.
        model: its folder or file, or another ensemble.
        weights: of all its targets, or of some by name; others weigh 1.
        targets: those that it has a part in; empty: all that it has.
    """

    name: str
    model: "Path | Description"
    weights: float | Mapping[str, float] = 1.0
    targets: tuple[str, ...] = ()

    def weight(self, target: str) -> float:
        """Its weight of a target that it has a part in."""
        return float(self.weights.get(target, 1.0) if isinstance(self.weights, Mapping) else self.weights)


@dataclass(frozen=True)
class Description:
    """An ensemble or a chain whose members exist.

    Attributes:
        name: for folders and headings.
        origin: where it comes from, for messages.
        members: in their order.
        combine: one of `COMBINATIONS`.
        targets: of the whole; empty: all that the members have a part in.
    """

    name: str
    origin: str
    members: tuple[Member, ...]
    combine: Combination = "mean"
    targets: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The number of its models, with those of the ensembles among them."""
        return sum(part.model.size if isinstance(part.model, Description) else 1 for part in self.members)


def is_description(path: Path) -> bool:
    """Whether a path is that of JSON, which only ensembles have."""
    return path.suffix.lower() == SUFFIX and path.is_file()


def read_description(path: Path, above: tuple[Path, ...] = ()) -> Description:
    """Reads the JSON of an ensemble, and finds its members.

    Args:
        path: the file. A member is a file or folder, seen from the folder of this one, or a pretrained model's name.
        above: the files that name this one, the outermost first.

    Raises:
        InputError: no such description, a member that does not exist, or a file that names itself.
    """
    path = path.resolve()
    if path in above:
        loop = " > ".join(str(file) for file in (*above[above.index(path) :], path))
        raise InputError(f"{path}: names itself, expected an ensemble of other models: {loop}")
    entry, entries = _read_entries(path)
    members = [
        Member(part.model, _find(part.model, path, (*above, path)), part.weights, part.targets) for part in entries
    ]
    return _checked(Description(path.stem, str(path), tuple(members), entry.combine, entry.targets))


def describe(
    models: Sequence[str | Path],
    weights: Sequence[float] | Mapping[str, Sequence[float]] | None = None,
    combine: str | None = None,
) -> Description:
    """The ensemble of some models.

    Args:
        models: folders, files, or pretrained models' names.
        weights: one for each model, of all targets; or for each target one for each model, where targets that are not
            named weigh the same in all. Default: all the same.
        combine: one of `COMBINATIONS` but for `chain`, whose members need their targets. Default: mean.

    Raises:
        InputError: a model does not exist, or weights or combine are wrong.
    """
    combine = "mean" if combine is None else combine
    if combine not in COMBINATIONS:
        raise InputError(f"unknown combine {shown(combine)}; {closest(str(combine), COMBINATIONS)}")
    if combine == "chain":
        raise InputError(
            "combine is chain, whose members need their targets: a JSON file has them, see docs/ensembles.md"
        )
    rows = weights if isinstance(weights, Mapping) else {"": weights} if weights is not None else {}
    for target, row in rows.items():
        label = f"weights of {target}" if target else "weights"
        if len(row) != len(models):
            raise InputError(
                f"{label}: {count(len(row), 'number')}, expected one for each of {count(len(models), 'model')}"
            )
        if not all(math.isfinite(weight) and weight >= 0 for weight in row):
            raise InputError(f"{label}: {', '.join(map(str, row))}, expected finite numbers from 0")
    members = []
    for place, model in enumerate(models):
        own = {target: float(row[place]) for target, row in rows.items()}
        path = find_model(model)
        found = read_description(path) if is_description(path) else path
        members.append(Member(str(model), found, own.get("", own) if own else 1.0))
    name = "+".join(map(display_name, models))
    return _checked(Description(name, name, tuple(members), cast(Combination, combine)))


def member_names(path: Path) -> list[str]:
    """The names of an ensemble's members, which need not exist."""
    return [part.model for part in _read_entries(path)[1]]


def _read_entries(path: Path) -> tuple[EnsembleEntry, list[MemberEntry]]:
    """The content of an ensemble's JSON."""
    settings, origin = read_json(path), str(path)
    if not isinstance(settings, dict) or not isinstance(settings.get("members"), list):
        hint = f"; a model is named by its folder, {path.parent}" if path.name == "config.json" else ""
        raise InputError(f"{origin}: no ensemble, expected an object with a list of members{hint}")
    entry = decode(EnsembleEntry, settings, origin)
    parts = []
    for index, part in enumerate(entry.members):
        if not isinstance(part, dict) or "model" not in part:
            raise InputError(f"{origin}: members[{index}]: {shown(part)}, expected an object with the key model")
        parts.append(decode(MemberEntry, part, origin, f"members[{index}]"))
    return entry, parts


def _find(name: str, origin: Path, above: tuple[Path, ...]) -> Path | Description:
    """The member of a name: next to the file that names it, or a pretrained model."""
    beside = origin.parent / name
    try:
        path = find_model(beside if beside.exists() else name)
    except InputError as error:
        raise InputError(f"{origin}: member {shown(name)} is missing: {error}") from None
    return read_description(path, above) if is_description(path) else path


def _checked(description: Description) -> Description:
    """The description, if its members are not too many and each knows its part."""
    origin = description.origin
    if not description.members:
        raise InputError(f"{origin}: members is empty, expected at least one model")
    if description.size > MOST_MEMBERS:
        raise InputError(f"{origin}: {description.size} members in all, expected at most {MOST_MEMBERS}")
    for member in description.members:
        if isinstance(member.model, Path) and is_exported(member.model):
            raise InputError(
                f"{origin}: {member.name} is an exported model, which separates alone; an ensemble takes the model "
                "that it was made from"
            )
    for names in (description.targets, *(member.targets for member in description.members)):
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise InputError(f"{origin}: targets names {shown(twice)} twice")
    if description.combine == "chain":
        if description.targets:
            raise InputError(f"{origin}: targets belongs to the members of a chain, each of which separates its own")
        for member in description.members:
            if member.weights != 1.0:
                raise InputError(f"{origin}: member {shown(member.name)} has weights, which a chain uses none of")
            if not member.targets and member is not description.members[-1]:
                raise InputError(
                    f"{origin}: member {shown(member.name)} names no targets; in a chain, all but the last must"
                )
    return description
