"""Boxes of MP4 files (ISO/IEC 14496-12): the exact lengths of streams of audio, and the names of stems.

Native Instruments' Stem files (`.stem.mp4`) describe their stems by JSON in the box `moov/udta/stem`.
"""

import json
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from auralflow_core.audio.mapped import MappedFile

SOUND = b"soun"
LARGEST_JSON = 1 << 20  # bytes of the description of stems


class Box(NamedTuple):
    """A box, by the place of what it holds."""

    kind: bytes
    begin: int
    end: int


def boxes(data: bytes | bytearray | mmap.mmap, begin: int, end: int) -> Iterator[Box]:
    """The boxes that lie side by side from one place to another; what is no box ends them."""
    while begin + 8 <= end:
        size, head = int.from_bytes(data[begin : begin + 4], "big"), 8
        if size == 1:
            size, head = int.from_bytes(data[begin + 8 : begin + 16], "big"), 16
        size = size or end - begin
        if size < head or begin + size > end:
            return
        yield Box(bytes(data[begin + 4 : begin + 8]), begin + head, begin + size)
        begin += size


def find(data: bytes | bytearray | mmap.mmap, path: str, begin: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes at a path such as `moov/trak`, from one place to another."""
    kind, _, rest = path.partition("/")
    for box in boxes(data, begin, len(data) if end is None else end):
        if box.kind == kind.encode("ascii"):
            yield from find(data, rest, box.begin, box.end) if rest else [box]


def audio_length(path: Path, stream: int, rate: int | None = None) -> int | None:
    """The samples of a stream of audio, without what its encoder put around them, which its edit list leaves out.

    Args:
        path: of any file.
        stream: the number of the stream among those of audio.
        rate: its sample rate in Hz; default: the units of a second that its own boxes have.

    Returns:
        None where the boxes do not tell it to the sample, or the file has none.
    """
    with MappedFile(path) as data:
        movie = next((_times(data, box) for box in find(data, "moov/mvhd")), (0, 0))
        tracks = [
            track
            for track in find(data, "moov/trak")
            if any(data[box.begin + 8 : box.begin + 12] == SOUND for box in find(data, "mdia/hdlr", *track[1:]))
        ]
        return _length(data, tracks[stream], rate, movie[0]) if stream < len(tracks) else None


def stem_names(path: Path) -> list[str]:
    """The names of stems by the box `moov/udta/stem`; none where it is missing, or is no such description."""
    with MappedFile(path) as data:
        box = next(find(data, "moov/udta/stem"), None)
        text = b"" if box is None or box.end - box.begin > LARGEST_JSON else data[box.begin : box.end]
    try:
        return [str(stem["name"]) for stem in json.loads(text)["stems"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []


def _times(data: mmap.mmap, box: Box) -> tuple[int, int]:
    """The units of a second, and the length in them, of a box `mvhd` or `mdhd`."""
    place, size = (box.begin + 20, 8) if data[box.begin] == 1 else (box.begin + 12, 4)
    return _number(data, place, 4), _number(data, place + 4, size)


def _length(data: mmap.mmap, track: Box, rate: int | None, movie_scale: int) -> int | None:
    """The samples that the only edit of a track shows, whose own length is in units of the movie."""
    scale, whole = next((_times(data, box) for box in find(data, "mdia/mdhd", *track[1:])), (0, 0))
    edits = next(find(data, "edts/elst", *track[1:]), None)
    if (rate is not None and scale != rate) or not whole:
        return None
    if edits is None:
        return whole
    if _number(data, edits.begin + 4, 4) != 1:
        return None
    size = 8 if data[edits.begin] == 1 else 4
    shown, first = (_number(data, edits.begin + 8 + size * k, size) for k in range(2))
    return max(0, min(whole - first, shown) if movie_scale == scale and shown else whole - first)


def _number(data: mmap.mmap, begin: int, size: int) -> int:
    return int.from_bytes(data[begin : begin + size], "big")
