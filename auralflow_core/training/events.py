"""TensorBoard events that never end a run: if they cannot be written, a line says so and no more are written."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from auralflow_core.errors import sentence

if TYPE_CHECKING:
    from tensorboardX import SummaryWriter

SCHEME = "auralflow-events"  # of the paths that tensorboardX leaves to `EventFile`


class EventFile:
    """A file of events, as tensorboardX writes one."""

    def __init__(self, path: str) -> None:
        self._file: BinaryIO | None = None
        self._try(lambda: setattr(self, "_file", open(path, "wb")))

    def write(self, data: bytes) -> None:
        """Appends bytes."""
        if file := self._file:
            self._try(lambda: file.write(data))

    def flush(self) -> None:
        """Writes what is left in buffers."""
        if file := self._file:
            self._try(file.flush)

    def close(self) -> None:
        """Ends the file."""
        if file := self._file:
            self._try(file.close)

    def _try(self, act: Callable[[], object]) -> None:
        try:
            act()
        except OSError as error:
            print(f"TensorBoard events are no longer written: {sentence(error)}")
            file, self._file = self._file, None
            if file is not None:
                with contextlib.suppress(OSError):
                    file.close()


class _Files:
    """The functions that tensorboardX calls for files of the scheme."""

    @staticmethod
    def open(path: str) -> EventFile:
        return EventFile(path.removeprefix(f"{SCHEME}:"))

    @staticmethod
    def directory_check(path: str) -> None:
        with contextlib.suppress(OSError):  # which opening the file reports
            os.makedirs(path.removeprefix(f"{SCHEME}:"), exist_ok=True)


def open_events(folder: Path) -> "SummaryWriter":
    """A writer of TensorBoard events into a folder, which is made if it does not exist."""
    from tensorboardX import SummaryWriter
    from tensorboardX.record_writer import register_writer_factory

    register_writer_factory(SCHEME, _Files)
    return SummaryWriter(f"{SCHEME}:{os.fspath(folder)}")
