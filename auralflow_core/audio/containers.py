"""Examining the structure of audio files, to find faults that the libraries which decode them do not report."""

import mmap
from pathlib import Path

from auralflow_core.audio import chunks, counts, flac, mpeg, ogg
from auralflow_core.audio.structure import Structure

TS_PACKET = 188  # bytes of a packet of an MPEG transport stream, which begins with 0x47 (ISO/IEC 13818-1, 2.4.3.2)


def examine(path: Path) -> Structure:
    """Finds out what a file's structure says about its audio; nothing is known of formats without a parser here.

    Args:
        path: of a file that is not empty.
    """
    with open(path, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        begin = mpeg.skip_tags(data, 0)
        magic = data[begin : begin + 4]
        if magic == b"fLaC":
            return flac.examine(data, begin)
        if magic == b"OggS":
            return ogg.examine(data, begin)
        if begin == 0 and magic in chunks.LAYOUTS:
            return chunks.examine(data)
        if begin == 0 and data[: len(chunks.VOC)] == chunks.VOC:
            return chunks.examine_voc(data)
        if begin == 0 and magic in chunks.AU_ORDERS:
            return chunks.examine_au(data)
        if all(data[place : place + 1] == b"G" for place in range(0, 5 * TS_PACKET, TS_PACKET)):
            rest = len(data) % TS_PACKET
            return Structure(
                damage=f"truncated, its last packet ends after {rest} of {TS_PACKET} bytes" if rest else ""
            )
        if (counted := counts.examine(data)) is not None:
            return counted
        first = mpeg.first_frame(data, begin)
        return Structure() if first is None else mpeg.examine(data, first)
