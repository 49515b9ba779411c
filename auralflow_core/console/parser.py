"""The command-line parser that all our commands share."""

import argparse
import difflib
from collections.abc import Callable, Sequence

from auralflow_core.errors import InputError, closest


class Parser(argparse.ArgumentParser):
    """Accepts underscores for dashes in flags, flags and positionals in any order, and no abbreviations.

    Attributes:
        commands: the parsers of the sub-commands by name; empty without sub-commands.
    """

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, **options)
        self.commands: dict[str, Parser] = {}

    def error(self, message: str):
        raise InputError(message)

    def add_command(
        self, name: str, text: str, run: Callable[[argparse.Namespace], int | None] | None = None
    ) -> "Parser":
        """Adds a sub-command.

        Args:
            name: of the sub-command.
            text: describes it in one line.
            run: takes its arguments and returns an exit status, or None for 0; None: its sub-commands have one each.

        Returns:
            The parser of its arguments.
        """
        if not self.commands:
            self._children = self.add_subparsers(title="commands", metavar="COMMAND", required=True)
        command = self.commands[name] = self._children.add_parser(name, help=text, description=text)
        if run is not None:
            command.set_defaults(run=run)
        return command

    def parse(self, argv: Sequence[str]) -> argparse.Namespace:
        """Reads arguments; those of a sub-command have `run`, the function that takes them.

        Raises:
            InputError: an unknown command or flag, or a value that is not accepted.
        """
        if self.commands:
            return self._parse_command(argv)
        tokens = list(argv)
        for index, token in enumerate(tokens):
            if token == "--":
                break
            if token.startswith("--"):
                name, equals, value = token.partition("=")
                tokens[index] = self._known_flag("--" + name[2:].replace("-", "_")) + equals + value
        return self.parse_intermixed_args(tokens)

    def _parse_command(self, argv: Sequence[str]) -> argparse.Namespace:
        if not argv or argv[0].startswith("-"):
            return self.parse_args([self._known_flag(flag) for flag in argv[:1]] or ["--help"])
        name, *rest = argv
        if name not in self.commands:
            raise InputError(f"unknown command {name!r}; {closest(name, self.commands)}")
        return self.commands[name].parse(rest)

    def _known_flag(self, flag: str) -> str:
        if flag in self._option_string_actions:
            return flag
        near = difflib.get_close_matches(flag, self._option_string_actions, n=1)
        raise InputError(
            f"unknown flag {flag} of {self.prog}; "
            + (f"did you mean {near[0]}?" if near else f"see {self.prog} --help")
        )
