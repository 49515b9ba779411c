"""Arguments that several of the scripts take; bad ones are refused in a sentence, before any work."""

import argparse
import contextlib
import math
from collections.abc import Iterator

from auralflow_core.errors import InputError


def whole_number(text: str) -> int:
    """A type for argparse: 1 or more."""
    with contextlib.suppress(ValueError):
        if (number := int(text)) > 0:
            return number
    raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")


def duration(text: str) -> float:
    """A type for argparse: seconds or minutes, more than 0."""
    with contextlib.suppress(ValueError):
        if 0 < (number := float(text)) < math.inf:
            return number
    raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")


def setting(text: str) -> tuple[str, str]:
    """A type for argparse: a key of the configuration and its value."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is no setting, which is written KEY=VALUE")
    return key, value


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Adds `--set`, whose value is a list of keys with values."""
    parser.add_argument(
        "--set", nargs="*", type=setting, default=[], metavar="KEY=VALUE", help="settings other than the template's"
    )


@contextlib.contextmanager
def refused_by(parser: argparse.ArgumentParser) -> Iterator[None]:
    """Ends the script as a bad argument does where the block refuses what it is given."""
    try:
        yield
    except InputError as error:
        parser.error(str(error))
