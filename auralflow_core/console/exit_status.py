"""How a command ends: its exit status, and one sentence on standard error if it failed."""

import contextlib
import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from auralflow_core.errors import InputError, MissingPackage, TrainingError, sentence

# Numbers of OSErrors that are about the disk or the device, not about the path that the command names. Our own OSErrors
# have no number: they report a file that could not be written completely.
STORAGE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, None)


def exit_status(prog: str, run: Callable[[], int | None]) -> int:
    """Runs a command and returns its exit status.

    Args:
        prog: how the command is called, for messages on standard error.
        run: returns an exit status, or None for 0.

    Returns:
        The status that `run` returns; 2 where the command or its input is at fault; 1 where work could not be done,
        such as training that diverged or a full disk; 130 after an interruption.
    """
    try:
        status = run()
        sys.stdout.flush()
        return status or 0
    except BrokenPipeError:  # whoever read the output has seen enough; Python would complain at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (InputError, MissingPackage, TrainingError, OSError) as error:
        print(f"{prog}: error: {sentence(error)}", file=sys.stderr)
        return status_of(error)
    except KeyboardInterrupt as stop:
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


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Turns signals that would kill the process into a KeyboardInterrupt, so that no half-written file is left.

    The signals are SIGTERM and SIGHUP (the terminal was closed). Those that are ignored or handled already stay as
    they are, and so do all of them outside the main thread, where Python sets no handlers.
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
