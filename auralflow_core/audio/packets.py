"""Containers of packets, also of pictures, which are truncated where the last packet is cut off.

The programs that decode them take what is there of it, without a word. A file that ends between two packets shows no
fault, unless its header tells a length.
"""

import mmap
from collections.abc import Callable

from auralflow_core.audio.structure import Structure

TS_PACKET = 188  # bytes of a packet of an MPEG transport stream, which begins with 0x47 (ISO/IEC 13818-1, 2.4.3.2)
TAIL = 1 << 22  # bytes at the end of an MPEG program stream in which a pack begins
LOSSLESS_SYNCS = (bytes.fromhex("f8726fbb"), bytes.fromhex("f8726fba"))  # of MLP and TrueHD
UBISOFT, UBISOFT_HEADER = b"vs12", 100  # the mark in the header of an APM file, and the header's bytes
UNKNOWN_SIZE = 100 << 20  # which ffmpeg writes into the header of a Flash file that it cannot go back to
MISCOUNTED = 10  # bytes by which ffmpeg writes the last chunk of a RealMedia file larger than it is
PACK, END = 0xBA, 0xB9  # the last bytes of start codes: of a pack, and of the end of a program stream
PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")  # the GUID of ASF's File Properties Object


def examine(data: mmap.mmap) -> Structure | None:
    """Finds out whether the last packet is whole; None for other containers."""
    if all(data[place : place + 1] == b"G" for place in range(0, 5 * TS_PACKET, TS_PACKET)):
        return Structure(damage=_transport_stream(data))
    if data[4:8] in LOSSLESS_SYNCS:
        return Structure(damage=_access_units(data))
    if data[20:24] == UBISOFT:
        return Structure(damage=_beyond(UBISOFT_HEADER + int.from_bytes(data[28:32], "little"), data))
    for magic, find in KINDS.items():
        if data[: len(magic)] == magic:
            return Structure(damage=find(data))
    return None


def _transport_stream(data: mmap.mmap) -> str:
    rest = len(data) % TS_PACKET
    return f"truncated, its last packet ends after {rest} of {TS_PACKET} bytes" if rest else ""


def _access_units(data: mmap.mmap) -> str:
    """MLP and TrueHD: each unit begins with its size in words of two bytes, in the lowest 12 bits of two bytes."""
    position = 0
    while position < len(data) - 1 and (size := int.from_bytes(data[position : position + 2], "big") & 4095):
        position += 2 * size
    return _beyond(position, data)


def _program_stream(data: mmap.mmap) -> str:
    """MPEG program streams (ISO/IEC 13818-1, 2.5), such as .mpg and .vob: from the last pack to the end."""
    position = data.rfind(b"\0\0\1" + bytes([PACK]), max(0, len(data) - TAIL))
    while 0 <= position < len(data) - 6 and data[position : position + 3] == b"\0\0\1":
        code = data[position + 3]
        if code == END:
            return ""
        if code == PACK:  # of MPEG-1 or -2
            size = 14 + (data[position + 13] & 7) if data[position + 4] >> 6 == 1 else 12
        else:
            size = 6 + int.from_bytes(data[position + 4 : position + 6], "big")
        position += size
    return _beyond(position, data)


def _flash_video(data: mmap.mmap) -> str:
    """FLV, appendix E: tags of 11 bytes and their data, each followed by its size in four bytes."""
    position = int.from_bytes(data[5:9], "big") + 4
    while position < len(data) and data[position] & 31 in (8, 9, 18):
        position += 11 + int.from_bytes(data[position + 1 : position + 4], "big") + 4
    return _beyond(position, data)


def _advanced_systems(data: mmap.mmap) -> str:
    """ASF, section 3.2: the size of the file is right unless a flag says that it was not known."""
    place = data.find(PROPERTIES, 0, 1 << 16)
    size, flags = (int.from_bytes(data[place + k : place + k + n], "little") for k, n in ((40, 8), (88, 4)))
    return _beyond(size, data) if place >= 0 and not flags & 1 else ""


def _flash(data: mmap.mmap) -> str:
    """SWF, "The SWF header": the size of the whole file."""
    size = int.from_bytes(data[4:8], "little")
    return _beyond(size, data) if size != UNKNOWN_SIZE else ""


def _real_media(data: mmap.mmap) -> str:
    """RealMedia: chunks of a name, and a size which counts both; that of live audio is not known, and 0."""
    position = 0
    while data[position : position + 4] in (b".RMF", b"PROP", b"CONT", b"MDPR", b"DATA", b"INDX"):
        size = int.from_bytes(data[position + 4 : position + 8], "big")
        if size == 0:
            return ""
        position += size
    return _beyond(position - MISCOUNTED, data)


def _mobile_music(data: mmap.mmap) -> str:
    """Yamaha's SMAF: one chunk, which holds all others."""
    return _beyond(8 + int.from_bytes(data[4:8], "big"), data)


def _beyond(end: int, data: mmap.mmap) -> str:
    return f"truncated, it should have {end} bytes or more, {len(data)} exist" if end > len(data) else ""


# First bytes of a file -> what is missing in it.
KINDS: dict[bytes, Callable[[mmap.mmap], str]] = {
    b"\0\0\1" + bytes([PACK]): _program_stream,
    b"FLV\1": _flash_video,
    b"FWS": _flash,
    b".RMF": _real_media,
    b"MMMD": _mobile_music,
    bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"): _advanced_systems,
}
