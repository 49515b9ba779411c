"""Examining the structure of audio files, to find faults that the libraries which decode them do not report."""

from pathlib import Path

from auralflow_core.audio import chunks, counts, flac, mpeg, ogg, packets
from auralflow_core.audio.mapped import MappedFile
from auralflow_core.audio.structure import Structure


def examine(path: Path) -> Structure:
    """Finds out what a file's structure says about its audio; nothing is known of formats without a parser here.

    Args:
        path: of a file that is not empty.
    """
    with MappedFile(path) as data:
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
        if (found := packets.examine(data) or counts.examine(data)) is not None:
            return found
        first = mpeg.first_frame(data, begin)
        return Structure() if first is None else mpeg.examine(data, first)
