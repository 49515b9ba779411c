"""The parts of the groups of settings: checked numbers, descriptions, and the struct that all groups extend."""

import math
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from auralflow_core.limits import MAX_RATE

# The upper bounds lie far above every use. They keep sizes that are computed from settings within 64 bits, so that a
# network of absurd size is refused by its size, not by an overflow somewhere.
Positive = Annotated[int, Meta(gt=0, le=2**31 - 1)]
Rate = Annotated[int, Meta(gt=0, le=MAX_RATE)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Width = Annotated[int, Meta(gt=0, le=2**16)]  # channels or features of a layer
Depth = Annotated[int, Meta(gt=0, le=32)]  # levels or layers on top of each other
Seconds = Annotated[float, Meta(gt=0, le=24 * 60 * 60)]
PositiveFloat = Annotated[float, Meta(gt=0)]
NonNegative = Annotated[float, Meta(ge=0)]
Fraction = Annotated[float, Meta(ge=0, lt=1)]


# Type checkers would want `frozen` at every struct that extends Group, and msgspec hands it down.
_OPTIONS: dict[str, Any] = {"frozen": True, "forbid_unknown_fields": True, "kw_only": True}


class Group(msgspec.Struct, **_OPTIONS):
    """One group of settings; a subclass checks its fields against each other in `__post_init__`, after `super()`'s.

    Each field carries its description: `depth: Annotated[Positive, doc("levels")] = 5`. A subclass that declares a
    field again, for another default, need not repeat it.

    Raises:
        ValueError: a number is not finite, so that JSON could not hold it.
    """

    def __post_init__(self):
        for name in self.__struct_fields__:
            value = getattr(self, name)
            for part in value if isinstance(value, tuple) else (value,):
                if isinstance(part, float) and not math.isfinite(part):
                    raise ValueError(f"{name} is {part}, expected a finite number")

    def to_dict(self) -> dict:
        """The settings as plain dicts, lists, strings and numbers; peft and others ask a model's `config` for them."""
        return msgspec.json.decode(msgspec.json.encode(self))  # as builtins alone, tuples would not become lists


def check_widest(channels: int, depth: int) -> None:
    """Refuses channels that double at each of `depth` levels and end far above every use.

    Raises:
        ValueError: there are more than 2 ** 20.
    """
    if (widest := channels * 2**depth) > 2**20:
        raise ValueError(
            f"{channels} channels, doubled at each of {depth} levels, are {widest}; expected at most 2 ** 20"
        )


def doc(description: str, tensors: bool = True) -> Meta:
    """Describes a setting, within `Annotated`.

    Args:
        description: a phrase, with the unit, for `--help` and the table of settings.
        tensors: False where weights stay of use if the setting changes: it shapes no tensor, and the network sees
            signals of the same kind. A model may then start from weights that were trained with another value.
    """
    return Meta(description=description, extra={"tensors": tensors})
