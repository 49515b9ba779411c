"""Processes whose time and memory are measured."""

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Usage(NamedTuple):
    """The system's account of a process.

    Attributes:
        wall: seconds that it took.
        cpu: seconds of all its threads.
        peak: the most memory that it held, in bytes.
        printed: its standard output.
    """

    wall: float
    cpu: float
    peak: int
    printed: str


def measure(command: Sequence[str | Path], name: str, python: str | Path = sys.executable) -> Usage:
    """Runs Python in a process of its own.

    Args:
        command: the arguments of the interpreter.
        name: of what runs, for the message if it fails, which ends the program.
        python: the interpreter.
    """
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        actions = [(os.POSIX_SPAWN_DUP2, output.fileno(), 1)]
        pid = os.posix_spawn(python, list(map(str, [python, *command])), os.environ, file_actions=actions)
        _, status, usage = os.wait4(pid, 0)
        if status:
            raise SystemExit(f"{name} ended with status {os.waitstatus_to_exitcode(status)}")
        output.seek(0)
        peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        return Usage(time.monotonic() - started, usage.ru_utime + usage.ru_stime, peak, output.read().strip())
