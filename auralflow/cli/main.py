"""The command `auralflow`: dispatch to its sub-commands, and the exit status."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from auralflow_core.console.exit_status import exit_status
from auralflow_core.console.interrupts import check

if TYPE_CHECKING:
    from auralflow_core.console.parser import Parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a sub-command and returns the exit status of the process.

    Args:
        argv: the command's arguments; default: those of the process.

    Returns:
        0 for success; 1 if `convert verify` finds a difference, some songs could not be separated or evaluated,
        training diverged or the disk is full; 2 if the input is at fault; 130 after an interruption. An error is one
        sentence on standard error.
    """

    def run() -> int | None:
        arguments = parse(sys.argv[1:] if argv is None else argv)
        check()
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
    """The parser of the command and of all its sub-commands."""
    # Imported here, where signals are noted: one that interrupts an import would show where.
    from auralflow import __version__
    from auralflow.cli import config, demo, evaluate, inspect, pretrained, recipe, separate, songs, train
    from auralflow_core.console.parser import Parser
    from bridge import cli as convert

    parser = Parser(prog="auralflow", description="Train and use music source separation models.")
    parser.add_argument("--version", action="version", version=f"auralflow {__version__}")
    for module in (config, songs, inspect, train, separate, pretrained, evaluate):
        module.add_arguments(parser.add_command(module.__name__.rpartition(".")[2], module.TEXT, module.run))
    convert.add_commands(parser.add_command("convert", convert.TEXT))
    for module in (recipe, demo):
        module.add_arguments(parser.add_command(module.__name__.rpartition(".")[2], module.TEXT, module.run))
    return parser


def _can_be_separated(argument: str) -> bool:
    """Whether what stands in a command's place is a song, a folder or a pretrained model."""
    from auralflow.pretrained import PRETRAINED
    from auralflow.separation.inputs import has_audio_suffix

    path = Path(argument)
    return not argument.startswith("-") and (path.exists() or has_audio_suffix(path) or argument in PRETRAINED)
