"""The parts of the groups of settings: checked numbers, descriptions, and the struct that all groups extend."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

Positive = Annotated[int, Meta(gt=0)]
Count = Annotated[int, Meta(ge=0)]
PositiveFloat = Annotated[float, Meta(gt=0)]
NonNegative = Annotated[float, Meta(ge=0)]
Fraction = Annotated[float, Meta(ge=0, lt=1)]


# Type checkers would want `frozen` at every struct that extends Group, and msgspec hands it down.
_OPTIONS: dict[str, Any] = {"frozen": True, "forbid_unknown_fields": True, "kw_only": True}


class Group(msgspec.Struct, **_OPTIONS):
    """One group of settings; a subclass checks its fields against each other in `__post_init__`.

    Each field carries its description: `depth: Annotated[Positive, doc("levels")] = 5`. A subclass that declares a
    field again, for another default, need not repeat it.
    """


def doc(description: str, tensors: bool = True) -> Meta:
    """Describes a setting, within `Annotated`.

    Args:
        description: a phrase, with the unit, for `--help` and the table of settings.
        tensors: False where weights stay of use if the setting changes: it shapes no tensor, and the network sees
            signals of the same kind. A model may then start from weights that were trained with another value.
    """
    return Meta(description=description, extra={"tensors": tensors})
