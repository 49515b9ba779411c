"""JSON that comes in and goes out: whatever is read here can be written, and what is written can be read again."""

import json
import math
from pathlib import Path
from typing import Any, NoReturn

from auralflow_core.errors import InputError, brief, shown
from auralflow_core.storage.atomic import replacing

DEPTH = 64  # levels of nesting
BYTES = 1 << 24  # the largest text
INTEGERS = range(-(2**63), 2**64)


def read_json(file: str | Path) -> Any:
    """Reads a file of JSON.

    Raises:
        InputError: it cannot be read, or `parse_json` refuses it.
    """
    try:
        with open(file, "rb") as stream:
            text = stream.read(BYTES + 1)
        return parse_json(text.decode("utf-8-sig"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def parse_json(text: str, origin: str, finite: bool = True) -> Any:
    """Parses JSON from anywhere.

    Args:
        text: the JSON.
        origin: where it comes from, for messages.
        finite: refuse numbers that are not finite.

    Raises:
        InputError: it is no JSON, or it holds something that `check_plain` refuses.

    Example:
        >>> parse_json('{"lr": 1e999}', "config.json")
        Traceback (most recent call last):
        auralflow_core.errors.InputError: config.json: lr is inf, expected a finite number
    """
    if len(text) > BYTES:
        raise InputError(f"{origin}: more than {BYTES >> 20} MiB of JSON, which is not accepted")
    try:
        value = json.loads(text, parse_int=_integer)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{origin}: not valid JSON at line {error.lineno}, column {error.colno}: {error.msg}"
        ) from None
    except RecursionError:
        raise InputError(f"{origin}: {_TOO_DEEP}") from None
    check_plain(value, origin, finite=finite)
    return value


def check_plain(value: Any, origin: str, name: str = "", finite: bool = True) -> None:
    """Refuses in nested dicts and lists what JSON cannot hold, or what no reader expects.

    Args:
        value: plain data; objects of other types are passed over.
        origin: where it comes from, for messages.
        name: of the value, for messages.
        finite: refuse numbers that are not finite.

    Raises:
        InputError: a number that is not finite or an integer beyond 64 bits; text that is not Unicode, such as half
            of a surrogate pair; a key that is no text; or nesting deeper than `DEPTH`. The message names the place.
    """

    def refuse(place: str, problem: str) -> NoReturn:
        raise InputError(f"{origin}: {place}{' ' if place else ''}{problem}")

    waiting: list[tuple[str, Any, int]] = [(name, value, 0)]
    while waiting:
        place, part, depth = waiting.pop()
        if depth > DEPTH:
            refuse("", _TOO_DEEP)
        if isinstance(part, dict):
            for key, inner in part.items():
                if not isinstance(key, str) or not _is_unicode(key):
                    refuse(place, f"has the key {shown(key)}, which is not Unicode text")
                waiting.append((f"{place}.{brief(key)}" if place else brief(key), inner, depth + 1))
        elif isinstance(part, list | tuple):
            waiting.extend((f"{place}[{index}]", inner, depth + 1) for index, inner in enumerate(part))
        elif isinstance(part, float) and finite and not math.isfinite(part):
            refuse(place, f"is {part}, expected a finite number")
        elif isinstance(part, int) and part not in INTEGERS:
            refuse(place, f"is {shown(part)}, expected an integer of at most 64 bits")
        elif isinstance(part, str) and not _is_unicode(part):
            refuse(place, f"is {shown(part)}, expected Unicode text")


def write_json(file: str | Path, value: Any) -> None:
    """Writes plain data as JSON, which replaces the file only if it reads back as the same.

    Args:
        file: what to write.
        value: dicts, lists, text, numbers, booleans and None.

    Raises:
        InputError: see `check_plain`.
    """
    check_plain(value, str(file))
    with replacing(file) as aside:
        aside.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        if (found := read_json(aside)) != value:
            raise InputError(f"{file}: would read back as {shown(found)}, expected {shown(value)}; nothing is written")


_TOO_DEEP = f"nested more than {DEPTH} levels deep, which is not accepted"


def _integer(digits: str) -> int:
    # Python refuses to convert very long ones, and takes long for long ones.
    return int(digits) if len(digits) <= 20 else int(digits[:20]) * 10 ** min(len(digits) - 20, 20)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
