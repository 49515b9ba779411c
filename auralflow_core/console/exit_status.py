"""How a command ends: its exit status, and one sentence where something stood in its way."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from auralflow_core.errors import InputError, MissingPackage, sentence


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
        print(f"{prog}: error: {sentence(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        print(f"{prog}: {str(stop) or 'interrupted'}", file=sys.stderr)
        return 130


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Lets what would kill the process end the block as Ctrl-C does, so that nothing half-written is left.

    That is SIGTERM, and SIGHUP, the end of the terminal; not where they are ignored or handled already, nor in a
    thread, where Python sets no handlers.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt("terminated")

    known = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    main = threading.current_thread() is threading.main_thread()
    caught = [number for number in known if main and signal.getsignal(number) is signal.SIG_DFL]
    try:
        for number in caught:
            signal.signal(number, stop)
        yield
    finally:
        for number in caught:
            signal.signal(number, signal.SIG_DFL)
