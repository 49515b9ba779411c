"""The command `auralflow`: dispatch to its sub-commands, and the exit status."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from auralflow_core.console.exit_status import exit_status
from auralflow_core.console.interrupts import check
from auralflow_core.optional import INSTALL, needs

if TYPE_CHECKING:
    from auralflow_core.console.parser import Parser

# Sub-command -> the line about it; each is the module of that name here, with _ for -; `convert` is `bridge.cli`.
COMMANDS = {
    "config": "Make a model folder from a template, or edit one in place.",
    "songs": "Generate songs and their stems, for a first try.",
    "inspect": "Decode every file of a dataset once, and tell what is wrong with it.",
    "train": "Train a model; an earlier run of the same folder is continued.",
    "separate": "Separate audio files into stems.",
    "studio": "Open a page that separates songs and plays their stems.",
    "serve": "Separate songs that other programs send over HTTP.",
    "pretrained": "List pretrained models, or get one.",
    "evaluate": "Score a model on tracks whose stems are known.",
    "listening-test": "Rank models by the ratings of listeners.",
    "export": "Write a model as a file for another runtime: ONNX, StableHLO, TensorFlow Lite and others.",
    "convert": "Convert weights and training states between JAX and torch, strictly and bit for bit.",
    "recipe": "Make songs and train a model on them, as a recipe says; or list recipes.",
    "demo": "Make songs, train a small model on them, separate, evaluate, and write a page.",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a sub-command and returns the exit status of the process.

    Args:
        argv: the command's arguments; default: those of the process.

    Returns:
        0 for success; 1 if `convert verify` finds a difference, some songs could not be separated or evaluated, some
        files not be counted, training diverged or the disk is full; 2 if the input is at fault; 130 after an
        interruption. An error is one sentence on standard error.
    """

    def run() -> int | None:
        arguments = parse(sys.argv[1:] if argv is None else argv)
        check()
        with needs(*INSTALL):
            return arguments.run(arguments)

    return exit_status("auralflow", run, is_process=argv is None)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Reads the arguments of a sub-command; among them is `run`, the function that takes them.

    Songs, or a pretrained model and songs, without a sub-command are separated.

    Raises:
        InputError: an unknown command or flag, or a value that is not accepted.
    """
    parser = make_parser()
    if argv and argv[0] not in parser.commands and _can_be_separated(argv[0]):
        argv = ["separate", *argv]
    return parser.parse(argv)


def make_parser() -> "Parser":
    """The parser of the command; the module of a sub-command is imported when the sub-command is used."""
    # Imported here, where signals are noted: one that interrupts an import would show where.
    from auralflow.cli.arguments import ShowVersion
    from auralflow_core.console.parser import Parser

    parser = Parser(prog="auralflow", description="Train and use music source separation models.")
    parser.add_argument("--version", action=ShowVersion, help="print the version of auralflow")
    for name, text in COMMANDS.items():
        parser.add_command(name, text, fill=partial(_add_arguments, name))
    return parser


def _add_arguments(name: str, parser: "Parser") -> None:
    """Adds the arguments of a sub-command, and the function `run` that takes them."""
    if name == "convert":
        from bridge.cli import add_commands

        add_commands(parser)
    else:
        module = importlib.import_module(f"auralflow.cli.{name.replace('-', '_')}")
        module.add_arguments(parser)
        parser.set_defaults(run=module.run)


def _can_be_separated(argument: str) -> bool:
    """Whether what stands in a command's place is a song, a folder or a pretrained model."""
    if not argument or argument.startswith("-"):
        return False
    from auralflow.pretrained import names
    from auralflow.separation.inputs import has_audio_suffix

    path = Path(argument)
    return path.exists() or has_audio_suffix(path) or argument in names()
