"""Arguments, tables and interruptions that several sub-commands share."""

import argparse
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from auralflow_core.console.parser import Parser

if TYPE_CHECKING:
    from rich.table import Table

WIDE = 120  # columns of a table that goes to a file or a pipe


class ShowVersion(argparse.Action):
    """Prints the version and ends the command; it is looked up only then."""

    def __init__(self, *args, **options):
        super().__init__(*args, nargs=0, **options)

    def __call__(self, parser, *_):
        from auralflow import __version__

        print(f"auralflow {__version__}")
        parser.exit()


def add_model(parser: Parser) -> None:
    """Adds MODEL, a folder."""
    parser.add_argument("model", metavar="MODEL", help="a model folder, made by `auralflow config`")


def add_backend(parser: Parser) -> None:
    """Adds --backend."""
    from auralflow.backends import BACKENDS

    parser.add_argument(
        "--backend", choices=BACKENDS, default="jax", help="framework that runs the model (default: %(default)s)"
    )


def settings(arguments: argparse.Namespace) -> dict:
    """The arguments of a sub-command by name."""
    return {name: value for name, value in vars(arguments).items() if name != "run"}


def print_table(table: "Table") -> None:
    """Prints a table as wide as the terminal, or `WIDE` columns wide into a file or a pipe."""
    from rich.console import Console

    console = Console(markup=False, emoji=False)  # names are text, whatever brackets they have
    console = console if console.is_terminal else Console(width=WIDE, markup=False, emoji=False)
    console.print(table)


@contextlib.contextmanager
def training_interrupts() -> Iterator[None]:
    """Turns training's `Interrupted`, raised once its state is saved, into the interruption of the command."""
    from auralflow_jax.train.monitor import Interrupted

    try:
        yield
    except Interrupted as stop:
        raise KeyboardInterrupt(str(stop)) from None
