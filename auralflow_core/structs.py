"""Values turned into structs and checked, by any number of threads."""

import threading
from typing import Any, TypeVar

import msgspec

Kind = TypeVar("Kind")

# msgspec 0.22 looks at a struct's fields when it first makes one, and ends the process if a second thread makes one
# meanwhile.
_ONE_AT_A_TIME = threading.RLock()


def convert(value: Any, kind: type[Kind], *, strict: bool = True) -> Kind:
    """Turns a value into another type, as `msgspec.convert` does.

    Args:
        value: of dicts, lists, texts, numbers.
        kind: the type.
        strict: texts are not taken for numbers.

    Raises:
        msgspec.ValidationError: the value does not fit.
    """
    with _ONE_AT_A_TIME:
        return msgspec.convert(value, kind, strict=strict)


def decode(text: str | bytes, kind: type[Kind]) -> Kind:
    """Reads a value of a type from JSON, as `msgspec.json.decode` does.

    Raises:
        msgspec.DecodeError: it is no JSON.
        msgspec.ValidationError: the value does not fit.
    """
    with _ONE_AT_A_TIME:
        return msgspec.json.decode(text, type=kind)
