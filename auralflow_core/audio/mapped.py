"""Files that are read as if they were bytes in memory."""

import mmap
from pathlib import Path
from typing import Any

PIECE = 1 << 24  # bytes


class MappedFile(mmap.mmap):
    """A file whose pages are let go of when reading has gone on by `PIECE` bytes.

    Until then the system counts those that were read as memory of the process, which would grow with the file.

    Args:
        path: of a file that is not empty.
    """

    _piece = 0

    def __new__(cls, path: Path):
        with open(path, "rb") as file:
            return super().__new__(cls, file.fileno(), 0, access=mmap.ACCESS_READ)

    def __getitem__(self, place: Any) -> Any:
        first = place.start or 0 if isinstance(place, slice) else place
        if first // PIECE != self._piece:
            self._piece = first // PIECE
            self._let_go()
        return super().__getitem__(place)

    def find(self, sub: Any, start: int = 0, stop: int | None = None, /) -> int:
        """The first position of some bytes between two positions that are not negative, or -1."""
        stop = len(self) if stop is None else min(stop, len(self))
        for first in range(start, stop - len(sub) + 1, PIECE):
            if (found := super().find(sub, first, min(stop, first + PIECE + len(sub) - 1))) >= 0:
                return found
            self._let_go()
        return -1

    def _let_go(self) -> None:
        if hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
            self.madvise(mmap.MADV_DONTNEED)
