"""The server's side of the process that separates."""

import contextlib
import multiprocessing
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from auralflow.studio.separation import Report, Request, work

PATIENCE = 1.5  # seconds that a cancelled song has to end by itself; then its process is killed


class Worker:
    """A process that separates one song at a time, and is started again when it died.

    Its methods block, and belong into threads; `cancel` may be called from another one than `run`.
    """

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("spawn")  # jax's threads do not survive a fork
        self._cancelled: Path | None = None
        self._lock = threading.Lock()
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._cancellations: Connection | None = None

    def start(self) -> None:
        """Starts the process, unless it runs."""
        with self._lock:
            if self._process is not None and self._process.is_alive():
                return
            self._pipe, theirs = self._context.Pipe()
            heard, self._cancellations = self._context.Pipe(duplex=False)
            # A daemon ends with the server.
            self._process = self._context.Process(target=work, args=(theirs, heard), daemon=True)
            self._process.start()
            theirs.close()
            heard.close()

    def run(self, request: Request, progress: Callable[[Report], None]) -> Report:
        """Separates a song; calls `progress` with each report but the last, which it returns."""
        self.start()
        pipe = self._pipe
        assert pipe is not None
        try:
            pipe.send(request)
            while not (report := pipe.recv()).over:
                progress(report)
        except (EOFError, OSError):
            self.stop()  # which waits until the process has let its files go
            error = (
                "cancelled"
                if self._cancelled == request.song
                else f"{request.job.name}: the process that separates it died"
            )
            return Report(over=True, error=error)
        return report

    def cancel(self, song: Path, is_over: Callable[[], bool]) -> None:
        """Ends a song if it is at hand; one that follows it goes on.

        Args:
            song: its file.
            is_over: whether its `run` has returned. The process is killed if that takes longer than `PATIENCE`.
        """
        self._cancelled = song
        with contextlib.suppress(OSError):  # it may have died
            if self._cancellations is not None:
                self._cancellations.send(song)
        until = time.monotonic() + PATIENCE
        while not is_over() and time.monotonic() < until:
            time.sleep(0.02)
        if not is_over():
            self.stop()

    def stop(self) -> None:
        """Kills the process."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process.join()
                self._process = None
