"""What the groups of settings are made of: checked numbers, and the struct that all of them extend."""

from typing import Annotated

import msgspec
from msgspec import Meta

Positive = Annotated[int, Meta(gt=0)]
Count = Annotated[int, Meta(ge=0)]
PositiveFloat = Annotated[float, Meta(gt=0)]
NonNegative = Annotated[float, Meta(ge=0)]
Fraction = Annotated[float, Meta(ge=0, lt=1)]


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One group of settings; a subclass checks its fields against each other in `__post_init__`."""
