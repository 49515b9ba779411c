"""`auralflow pretrained`: lists ready models, or gets one."""

import argparse
from typing import TYPE_CHECKING

from auralflow.cli.arguments import print_table
from auralflow.pretrained import DEFAULTS, PRETRAINED
from auralflow_core.console.parser import Parser
from auralflow_core.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

TEXT = "List ready models, trained by others, or get one."


def add_arguments(parser: Parser) -> None:
    """Adds the sub-command's arguments."""
    parser.add_argument("action", choices=("list", "get"), help="show the ready models, or get one")
    parser.add_argument("name", metavar="NAME", nargs="?", help=f"one of {', '.join(PRETRAINED)}")
    parser.add_argument(
        "--save",
        metavar="DIR",
        help="a new folder for a copy; without it the model is kept in the user's cache, where its name finds it",
    )
    parser.add_argument("--file", metavar="PATH", help="a local copy of what would be fetched, or a folder with it")
    parser.add_argument("--offline", action="store_true", help="fetch nothing")
    parser.add_argument(
        "--high_bins",
        metavar="VALUE",
        help="of the copy: the mask above the highest bin that the network sees: zeros, last, mean (default: zeros)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Lists ready models, or makes one's folder."""
    from auralflow.pretrained import get_model

    if arguments.action == "list":
        print_table(table())
    elif arguments.name is None:
        raise InputError("pretrained get needs a name; `auralflow pretrained list` shows them")
    else:
        folder = get_model(arguments.name, arguments.save, arguments.file, arguments.offline, arguments.high_bins)
        print(f"{arguments.name} is in {folder}.")


def table() -> "Table":
    """A row for each ready model."""
    from rich.table import Table

    caption = (
        f"Where no model is named, {DEFAULTS[0]} separates; {DEFAULTS[1]} where --targets asks for what only it has."
    )
    listed = Table(box=None, padding=(0, 2, 0, 0), caption=caption, caption_justify="left")
    for column in ("name", "targets", "size", "licence", "quality", "source"):
        listed.add_column(column, overflow="fold", no_wrap=column in ("name", "size"))
    for ready in PRETRAINED.values():
        listed.add_row(
            ready.name,
            ", ".join(ready.targets),
            f"{ready.megabytes:.0f} MB",
            ready.licence,
            ready.quality,
            ready.origin,
        )
    return listed
