"""`auralflow config`: makes a model folder from a template, edits one in place, or shows it."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from auralflow.cli.arguments import add_model
from auralflow_core.config import MODELS, Config, groups_of, to_dict
from auralflow_core.config.fields import meanings
from auralflow_core.config.reference import Leaf, leaves
from auralflow_core.console.parser import Parser

if TYPE_CHECKING:
    from rich.table import Table


def add_arguments(parser: Parser) -> None:
    """Adds the sub-command's arguments."""
    add_model(parser)
    parser.add_argument(
        "model_type", metavar="TEMPLATE", nargs="?", help=f"needed for a new folder: {', '.join(MODELS)}"
    )
    parser.add_argument(
        "--preset",
        help="of a new folder; tiny: a small network and a short run, for a first try; small: a RoFormer for a laptop",
    )
    parser.add_argument("--save", metavar="PARENT", default="", help="folder in which MODEL lies")
    parser.add_argument("--name", help="name of a new folder and its model; of an existing folder, only the model's")
    parser.add_argument("--display", action="store_true", help="print all settings")
    groups: dict[str, argparse._ArgumentGroup] = {}
    for leaf in leaves():
        if leaf.group not in groups:
            groups[leaf.group] = parser.add_argument_group(f"settings: {leaf.group}")
        groups[leaf.group].add_argument(
            f"--{leaf.name}",
            nargs="+" if leaf.is_list else None,
            metavar="VALUE",
            default=argparse.SUPPRESS,
            help=_describe(leaf).replace("%", "%%"),
        )


def _describe(leaf: Leaf) -> str:
    """A setting's meaning, and its default unless the meaning names it already."""
    return leaf.meaning if "default: " in leaf.meaning else f"{leaf.meaning} (default: {leaf.default})"


def run(arguments: argparse.Namespace) -> None:
    """Makes or edits a model folder."""
    from rich.console import Console

    from auralflow.api.configure import configure

    given = {leaf: vars(arguments)[leaf.name] for leaf in leaves() if leaf.name in arguments}
    changes = {
        leaf.name: ",".join(part.rstrip(",") for part in value) if leaf.is_list else value
        for leaf, value in given.items()
    }
    folder, before, after = configure(
        Path(arguments.save) / arguments.model, arguments.model_type, arguments.name, changes, arguments.preset
    )
    if before is None:
        print(f"Wrote {folder.config_file} ({type(after.model).__name__}).")
    elif lines := list(differences(before, after)):
        print(f"Changed {folder.config_file}:", *lines, sep="\n  ")
    else:
        print(f"{folder.config_file}: nothing to change.")
    if arguments.display:
        for table in tables(after):
            Console(markup=False, emoji=False).print(table, "")


def differences(before: Config, after: Config) -> Iterator[str]:
    """Yields a line `key: old -> new` for every setting that differs."""
    old, new = to_dict(before), to_dict(after)
    for group, settings in new.items():
        for key, value in settings.items():
            if value != old[group][key]:
                yield f"{key}: {_text(old[group][key])} -> {_text(value)}"


def tables(config: Config) -> "Iterator[Table]":
    """Yields a table of keys, values and meanings for each group."""
    from rich.table import Table

    settings = to_dict(config)
    for name, group in groups_of(settings).items():
        texts = meanings(group)
        table = Table(title=name, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
        for column, style in (("key", "cyan"), ("value", None), ("meaning", "dim")):
            table.add_column(column, style=style, overflow="fold")
        for key, value in settings[name].items():
            meaning = texts.get(key, "the template of the folder")  # every key but the model's type is a field
            table.add_row(key, _text(value), meaning)
        yield table


def _text(value) -> str:
    """A setting as it is typed on the command line."""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, dict) else str(value)
