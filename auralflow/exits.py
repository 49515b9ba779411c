"""How a command ends: its exit status, and one sentence where something stood in its way."""

import os
import sys
from collections.abc import Callable

from auralflow.errors import InputError, MissingPackage


def exit_status(prog: str, run: Callable[[], int | None]) -> int:
    """Runs a command.

    Args:
        prog: how the command is called, for messages on standard error.
        run: returns an exit status, or None for 0.

    Returns:
        What `run` returns; 2 where the input is at fault, 130 after an interruption.
    """
    try:
        status = run()
        sys.stdout.flush()
        return status or 0
    except BrokenPipeError:  # whoever read the output has seen enough; Python would complain at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (InputError, MissingPackage, OSError) as error:
        print(f"{prog}: error: {_sentence(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        print(f"{prog}: {str(stop) or 'interrupted'}", file=sys.stderr)
        return 130


def _sentence(error: Exception) -> str:
    """What went wrong, in words, for an input error or one of the operating system."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)
