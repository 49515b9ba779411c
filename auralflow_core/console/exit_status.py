"""How a command ends: its exit status, and one sentence on standard error if it failed."""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Callable

from auralflow_core.console.interrupts import Interrupts, check
from auralflow_core.console.text import printable_lines
from auralflow_core.errors import NO_ROOM, InputError, MissingPackage, TrainingError, sentence

STORAGE_ERRORS = (*NO_ROOM, errno.EIO)  # about the disk or the device, not about the path that the command names


def exit_status(prog: str, run: Callable[[], int | None], is_process: bool = False) -> int:
    """Runs a command and returns its exit status.

    Args:
        prog: how the command is called, for messages on standard error.
        run: returns an exit status, or None for 0.
        is_process: the process ends with the command, and signals end it at once from then on.

    Returns:
        The status that `run` returns; 2 where the command or its input is at fault; 1 where work could not be done,
        such as training that diverged or a full disk; 130 after an interruption.
    """
    open_streams()
    with Interrupts(prog, is_process) as interrupts:
        try:
            status = run()
            check()
            sys.stdout.flush()
            return status or 0
        except BrokenPipeError:  # whoever read the output has seen enough
            _drop_output()
            return 0
        except (InputError, MissingPackage, TrainingError, OSError) as error:
            _drop_output()
            # If a signal came, the error is its consequence: it also ends programs that we started.
            message = interrupts.word or f"error: {sentence(error)}"
            print(f"{prog}: {printable_lines(message)}", file=sys.stderr)
            return 130 if interrupts.word else status_of(error)
        except KeyboardInterrupt as stop:
            _drop_output()
            print(f"{prog}: {str(stop) or 'interrupted'}", file=sys.stderr)
            return 130


def status_of(error: Exception) -> int:
    """The exit status that an error stands for.

    Example:
        >>> status_of(InputError("no such model")), status_of(OSError(errno.ENOSPC, "No space left on device"))
        (2, 1)
    """
    is_storage = isinstance(error, OSError) and error.errno in STORAGE_ERRORS
    return 1 if isinstance(error, TrainingError) or is_storage else 2


def open_streams() -> None:
    """Makes the standard streams take all text: they escape what their encoding lacks; closed ones lead nowhere."""
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # the number of a closed one would be given to the next file that is opened
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8", errors="backslashreplace"))
        elif name != "stdin" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """Writes what is left of the output, or drops it: Python would try again at exit, and complain."""
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError, io.UnsupportedOperation):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
