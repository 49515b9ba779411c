"""Ctrl-C and other signals that end a process: noted when they come, obeyed where nothing is half-done.

An exception raised in a signal handler can get lost, in a callback of the garbage collector or in an import, or leave a
file half-written. So the handler only notes the signal, and long work calls `check`, which raises.
"""

import contextlib
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

PATIENCE = 5.0  # seconds after which a process ends that nobody has stopped
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # SIGHUP: the terminal was closed
SHOW_CURSOR = b"\x1b[?25h"  # which progress bars hide

_active: "Interrupts | None" = None


def check() -> None:
    """Raises KeyboardInterrupt if the process was asked to end; call it where nothing is half-done."""
    if _active is not None and _active.word:
        raise KeyboardInterrupt(_active.word)


def end_at_the_next() -> None:
    """Lets the next signal end the process at once; for work that has noted the first one itself."""
    if _active is not None:
        _active.is_last = True


class Interrupts(contextlib.AbstractContextManager):
    """Notes signals while the block runs.

    If the process has not ended after `PATIENCE` seconds, as it compiles or waits for the network, it is ended; a
    second signal ends it at once. Signals that are ignored or handled already stay as they are, and so do all of them
    outside the main thread, where Python sets no handlers.

    Args:
        prog: how the command is called, for the message on standard error.
        is_process: after the block nothing is left to do, and a signal ends the process at once.

    Attributes:
        word: the reason to end, None without one.
        is_last: the next signal ends the process at once.
    """

    def __init__(self, prog: str, is_process: bool = False):
        self.prog, self.is_process = prog, is_process
        self.word: str | None = None
        self.is_last = False
        self._caught: dict[int, Any] = {}
        self._asked, self._over = threading.Event(), threading.Event()

    def __enter__(self) -> "Interrupts":
        global _active
        if threading.current_thread() is threading.main_thread():
            known = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
            usual = (signal.SIG_DFL, signal.default_int_handler)
            self._caught = {number: old for number in known if (old := signal.getsignal(number)) in usual}
        if self._caught:
            _active = self
            # It runs from the start on: a handler must not start a thread, which takes locks.
            threading.Thread(target=self._watch, daemon=True).start()
            for number in self._caught:
                signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *error: object) -> None:
        global _active
        if self.is_process:
            self.is_last = True
        else:
            for number, handler in self._caught.items():
                signal.signal(number, handler)
        if self._caught:
            _active = None
        self._over.set()
        self._asked.set()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        was_asked = self.word is not None or self.is_last
        self.word = self.word or ("interrupted" if number == signal.SIGINT else "terminated")
        if was_asked:
            self._end()
        self._asked.set()

    def _watch(self) -> None:
        self._asked.wait()
        if not self._over.wait(PATIENCE):
            self._end()

    def _end(self) -> None:
        """Ends the process wherever it is, after removing files that are not complete."""
        if (staging := sys.modules.get("auralflow_core.storage.staging")) is not None:
            staging.remove_own()
        with contextlib.suppress(OSError):
            os.write(2, f"{self.prog}: {self.word}\n".encode())
        with contextlib.suppress(OSError):
            if os.isatty(1):
                os.write(1, SHOW_CURSOR)
        os._exit(130)
