"""The command-line parser that all our commands share."""

import argparse
import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from auralflow_core.errors import InputError, closest

EMPTY = "is empty, expected a name; a variable of the shell without a value is, too"
PATHS = ("DIR", "FILE", "FOLDER", "OTHER", "PATH")  # stand for names of files and folders that flags take


def _path(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError(f"it {EMPTY}")
    return Path(text)


class Parser(argparse.ArgumentParser):
    """Accepts underscores for dashes in flags, flags and positionals in any order, and no abbreviations.

    Attributes:
        commands: the parsers of the sub-commands by name; empty without sub-commands.
        hint: returns what to write in place of a flag of another program or sub-command, or None, for messages.
    """

    _fill: "Callable[[Parser], None] | None" = None

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, formatter_class=HelpFormatter, **options)
        self.commands: dict[str, Parser] = {}
        self.hint: Callable[[str], str | None] = lambda flag: None
        self.register("type", Path, _path)

    def error(self, message: str):
        raise InputError(message)

    def add_command(
        self,
        name: str,
        text: str,
        run: Callable[[argparse.Namespace], int | None] | None = None,
        fill: "Callable[[Parser], None] | None" = None,
    ) -> "Parser":
        """Adds a sub-command.

        Args:
            name: of the sub-command.
            text: describes it in one line.
            run: takes its arguments and returns an exit status, or None for 0; None: its sub-commands have one each.
            fill: adds everything else to its parser, once the sub-command is used: a command with many sub-commands
                imports only those modules that it needs.

        Returns:
            The parser of its arguments.
        """
        if not self.commands:
            self._children = self.add_subparsers(title="commands", metavar="COMMAND", required=True)
        command = self.commands[name] = self._children.add_parser(name, help=text, description=text)
        if run is not None:
            command.set_defaults(run=run)
        command._fill = fill
        return command

    def complete(self) -> "Parser":
        """Calls `fill` of `add_command`, unless that was done before; returns the parser itself."""
        fill, self._fill = self._fill, None
        if fill is not None:
            fill(self)
        return self

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
            if token in ("-h", "--help"):  # before the positional arguments are read: that hides their defaults
                self.print_help()
                self.exit()
            if token.startswith("--"):
                name, equals, value = token.partition("=")
                tokens[index] = self._known_flag("--" + name[2:].replace("-", "_")) + equals + value
        arguments = self.parse_intermixed_args(tokens)
        self._check_paths(arguments)
        return arguments

    def _check_paths(self, arguments: argparse.Namespace) -> None:
        """Refuses empty names, which Python takes for the current folder and the user never means."""
        for action in self._actions:
            value = getattr(arguments, action.dest, None)
            is_path = not action.option_strings or action.metavar in PATHS
            if is_path and "" in (value if isinstance(value, list) else [value]):
                name = "/".join(action.option_strings) or action.metavar or action.dest
                raise InputError(f"{name} {EMPTY}")

    def _parse_command(self, argv: Sequence[str]) -> argparse.Namespace:
        if not argv or argv[0].startswith("-"):
            return self.parse_args([self._known_flag(flag) for flag in argv[:1]] or ["--help"])
        name, *rest = argv
        if name not in self.commands:
            raise InputError(f"unknown command {name!r}; {closest(name, self.commands)}")
        return self.commands[name].complete().parse(rest)

    def _known_flag(self, flag: str) -> str:
        if flag in self._option_string_actions:
            return flag
        known = {name: str(action.help) for name, action in self._option_string_actions.items()}
        near = self.hint(flag) or nearest(flag, known)
        raise InputError(
            f"unknown flag {flag} of {self.prog}; " + (f"did you mean {near}?" if near else f"see {self.prog} --help")
        )


class HelpFormatter(argparse.HelpFormatter):
    """Shows each sub-command in the line of its name: argparse forgets their indentation when it measures names."""

    def add_argument(self, action: argparse.Action) -> None:
        super().add_argument(action)
        if isinstance(action, argparse._SubParsersAction):
            self._action_max_length += self._indent_increment


def nearest(flag: str, known: Mapping[str, str]) -> str | None:
    """The flag that was probably meant: one whose description has the same words, or one of a similar name.

    Args:
        flag: such as `--learning_rate`.
        known: flag -> description.

    Example:
        >>> nearest("--learning_rate", {"--lr": "learning rate", "--sample_rate": "Hz"})
        '--lr'
    """
    words = flag.strip("-").replace("_", " ")
    same = [name for name, text in known.items() if re.search(rf"\b{re.escape(words)}\b", text)]
    if same:
        return min(same, key=lambda name: (not known[name].startswith(words), len(known[name])))
    return next(iter(difflib.get_close_matches(flag, known, n=1)), None)
