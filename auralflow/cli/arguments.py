"""Arguments that several sub-commands share, and tables on the terminal."""

import argparse
from typing import TYPE_CHECKING

from auralflow.backends import BACKENDS
from auralflow_core.console.parser import Parser

if TYPE_CHECKING:
    from rich.table import Table

WIDE = 120  # columns of a table that no terminal shows


def add_model(parser: Parser) -> None:
    """Adds MODEL, a folder."""
    parser.add_argument("model", metavar="MODEL", help="a model folder, made by `auralflow config`")


def add_backend(parser: Parser) -> None:
    """Adds --backend."""
    parser.add_argument(
        "--backend", choices=BACKENDS, default="jax", help="framework that runs the model (default: %(default)s)"
    )


def settings(arguments: argparse.Namespace) -> dict:
    """A sub-command's arguments by name."""
    return {name: value for name, value in vars(arguments).items() if name != "run"}


def print_table(table: "Table") -> None:
    """Prints a table as wide as the terminal; into a file or a pipe, which have no width, `WIDE` columns."""
    from rich.console import Console

    console = Console()
    console = console if console.is_terminal else Console(width=WIDE)
    console.print(table)
