"""The structure of Ogg files (RFC 3533): pages that are missing or damaged, and streams that follow each other."""

import mmap
import zlib
from typing import NamedTuple

from auralflow_core.audio.structure import Structure, is_junk

HEADER = 27  # bytes of a page before its table of segments
FIRST, LAST = 2, 4  # bits of a page's flags
UNKNOWN = (1 << 64) - 1  # the position in a page on which no packet ends
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Page(NamedTuple):
    """A page: its bytes, and the fields of its header."""

    begin: int
    end: int
    flags: int
    position: int
    serial: int
    number: int


def examine(data: mmap.mmap, begin: int) -> Structure:
    """Walks over all pages.

    Args:
        data: the file.
        begin: position of the first page.
    """
    last: dict[int, Page] = {}  # the latest page of each stream that has not ended
    serials = []
    position = begin
    while page := _page(data, position):
        if page.end > len(data) or not _is_intact(data, page):
            return Structure(damage=f"damaged, the page of Ogg at byte {position} is {_fault(data, page)}")
        before = last.get(page.serial)
        if page.flags & FIRST:
            serials.append(page.serial)
        elif before is None or page.number != (before.number + 1) % (1 << 32):
            return Structure(damage=f"damaged, pages of Ogg are missing before byte {position}")
        last[page.serial] = (
            page if page.position != UNKNOWN or before is None else page._replace(position=before.position)
        )
        if before and page.position != UNKNOWN and page.position < before.position != UNKNOWN:
            return Structure(damage=f"damaged, the time runs backwards at byte {position}")
        if page.flags & LAST:
            del last[page.serial]
        position = page.end
    if not is_junk(data, position):
        return Structure(damage=f"damaged, no page of Ogg begins at byte {position} of {len(data)}")
    if last:
        return Structure(damage="truncated, its last page of Ogg is missing")
    if len(serials) > 1:
        # Where a number comes twice, ffmpeg takes the headers of the second stream for audio, and complains.
        repeats = len(set(serials)) < len(serials)
        return Structure(doubt=f"it holds {len(serials)} streams of Ogg, of which libsndfile reads one", tags=repeats)
    return Structure()


def _page(data: mmap.mmap, begin: int) -> Page | None:
    """The page at a position; None if none begins there."""
    header = data[begin : begin + HEADER]
    if len(header) < HEADER or header[:5] != b"OggS\0":
        return None
    position, serial, number = (
        int.from_bytes(header[first:end], "little") for first, end in ((6, 14), (14, 18), (18, 22))
    )
    body = begin + HEADER + header[26]
    return Page(begin, body + sum(data[begin + HEADER : body]), header[5], position, serial, number)


def _is_intact(data: mmap.mmap, page: Page) -> bool:
    """Whether the page has its checksum: zlib's polynomial, with the bits of each byte the other way round."""
    content = data[page.begin : page.begin + 22] + bytes(4) + data[page.begin + 26 : page.end]
    crc = zlib.crc32(content.translate(REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{crc:032b}"[::-1], 2) == int.from_bytes(data[page.begin + 22 : page.begin + 26], "little")


def _fault(data: mmap.mmap, page: Page) -> str:
    return "cut off" if page.end > len(data) else "not what its checksum says"
