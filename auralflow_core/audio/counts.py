"""Containers whose header counts the samples that follow, which the programs that decode them take no notice of."""

import mmap
from collections.abc import Callable
from typing import Literal

from auralflow_core.audio.structure import Structure


def examine(data: mmap.mmap) -> Structure | None:
    """The number of samples by the header; None where it does not tell it, or for other containers."""
    for magic, count in COUNTS.items():
        if data[: len(magic)] == magic and (samples := count(data)):
            return Structure(samples)
    return None


def _number(data: mmap.mmap, begin: int, size: int, order: Literal["little", "big"]) -> int:
    return int.from_bytes(data[begin : begin + size], order)


def _avr(data: mmap.mmap) -> int:
    """Audio Visual Research, of the Atari: frames at byte 26, which is the 32-bit field `size` of the header."""
    return _number(data, 26, 4, "big")


def _sox(data: mmap.mmap) -> int:
    """SoX's own format: all channels' samples at byte 8, the channels at byte 24; 0 stands for an unknown number."""
    order = "little" if data[:4] == b".SoX" else "big"
    return _number(data, 8, 8, order) // max(1, _number(data, 24, 4, order))


def _adx(data: mmap.mmap) -> int:
    """CRI's ADX: frames at byte 12, if its mark ends where byte 2 says that the header does."""
    end = _number(data, 2, 2, "big") + 4
    return _number(data, 12, 4, "big") if data[end - 6 : end] == b"(c)CRI" else 0


def _kvag(data: mmap.mmap) -> int:
    """Simon & Schuster's KVAG: bytes of two samples each at byte 4, and at byte 12 whether they are of two channels."""
    return _number(data, 4, 4, "little") * 2 // (1 + data[12])


# First bytes of a file -> the number of its samples.
COUNTS: dict[bytes, Callable[[mmap.mmap], int]] = {
    b"2BIT": _avr,
    b".SoX": _sox,
    b"XoS.": _sox,
    b"\x80\0": _adx,
    b"KVAG": _kvag,
}
