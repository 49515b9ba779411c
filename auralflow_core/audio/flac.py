"""The structure of FLAC files (RFC 9639): the length by the header, and by the last frame."""

import mmap
import re
from collections.abc import Iterator

from auralflow_core.audio.structure import Structure
from auralflow_core.console.text import count

BLOCK_SIZES = (
    {1: 192} | {code: 576 << code - 2 for code in range(2, 6)} | {code: 256 << code - 8 for code in range(8, 16)}
)
DEPTHS = {1: 8, 2: 12, 4: 16, 5: 20, 6: 24, 7: 32}  # bits of a sample, by code; 0: as in the header of the file
TAIL = 1 << 20  # bytes at the end in which the last frame is looked for first
MASK = re.compile(rb"WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x([0-9A-Fa-f]+)")  # section 8.6.2


def examine(data: mmap.mmap, begin: int) -> Structure:
    """Compares the number of samples in the header with the number of the last frame.

    Args:
        data: the file.
        begin: position of the marker `fLaC`.
    """
    info = data[begin + 8 : begin + 42]
    channels = (info[12] >> 1 & 7) + 1
    promised = int.from_bytes(info[13:18], "big") & (1 << 36) - 1
    masks = [int(found[1], 16) for found in MASK.finditer(data[begin : begin + (1 << 16)])]
    mask = masks[0] if masks and masks[0].bit_count() == channels else 0
    whole = Structure(promised or None, mask=mask)
    if (another := _next_stream(data, begin + 4)) > 0:
        return whole._replace(damage=f"followed by another file, which begins at byte {another} and cannot be joined")
    if not promised:
        return whole._replace(doubt="its header lacks the length")
    found = _last_sample(data, info)
    if found is None or found == promised:
        return whole
    if found < promised:
        return whole._replace(
            damage=f"truncated, its header promises {count(promised, 'sample')}, {found} can be decoded"
        )
    return whole._replace(
        samples=found, doubt=f"its header promises {count(promised, 'sample')}, its last frame ends at {found}"
    )


def _next_stream(data: mmap.mmap, begin: int) -> int:
    """Position of a second stream, -1 if there is none: the marker, and the header of its first block, of 34 bytes."""
    found = [data.find(b"fLaC" + last + b"\0\0\x22", begin) for last in (b"\0", b"\x80")]
    return min((place for place in found if place >= 0), default=-1)


def _last_sample(data: mmap.mmap, info: bytes) -> int | None:
    """The number of samples up to the end of the last frame; None if no frame is found."""
    smallest, largest = int.from_bytes(info[:2], "big"), int.from_bytes(info[2:4], "big")
    for begin in (max(0, len(data) - TAIL), max(0, len(data) - 16 * TAIL)):
        for place in _syncs(data, begin):
            header = data[place : place + 16]
            if frame := _frame(header, info, smallest if smallest == largest else None):
                first, samples = frame
                return first + samples
    return None


def _syncs(data: mmap.mmap, begin: int) -> Iterator[int]:
    """Positions at which a frame may begin, the last first."""
    end = len(data)
    while (place := data.rfind(b"\xff", begin, end)) >= 0:
        if data[place + 1 : place + 2] in (b"\xf8", b"\xf9"):
            yield place
        end = place


def _frame(header: bytes, info: bytes, block: int | None) -> tuple[int, int] | None:
    """The first sample of a frame and its number of samples; None if the bytes are no header of a frame.

    Args:
        header: at least the bytes of a header.
        info: the body of STREAMINFO.
        block: samples of every block but the last, None if they vary.
    """
    if len(header) < 16:
        header = header.ljust(16, b"\0")
    is_variable, size_code, rate_code = header[1] & 1, header[2] >> 4, header[2] & 15
    assignment, depth_code = header[3] >> 4, header[3] >> 1 & 7
    channels, bits = (info[12] >> 1 & 7) + 1, (info[12] & 1) << 4 | info[13] >> 4
    # Beyond 7 they are the ways to code stereo.
    if (assignment + 1 if assignment < 8 else 2 if assignment < 11 else 0) != channels:
        return None
    if size_code == 0 or rate_code == 15 or header[3] & 1 or (DEPTHS.get(depth_code, 0) != bits + 1 and depth_code):
        return None
    number, used = _coded_number(header[4:11])
    if number is None:
        return None
    place = 4 + used
    samples = BLOCK_SIZES.get(size_code, 0)
    if size_code in (6, 7):
        width = size_code - 5
        samples = int.from_bytes(header[place : place + width], "big") + 1
        place += width
    place += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if place >= len(header) or _crc8(header[:place]) != header[place]:
        return None
    # The header holds the number of the first sample, or of the frame where all have one size.
    return (number if is_variable else number * (block or samples)), samples


def _coded_number(code: bytes) -> tuple[int | None, int]:
    """A number in the code that extends UTF-8 to seven bytes, and how many bytes it takes."""
    first = code[0]
    ones = 8 - (first ^ 0xFF).bit_length()  # at the beginning of the byte
    if ones == 0:
        return first, 1
    if ones in (1, 8) or any(byte >> 6 != 2 for byte in code[1:ones]):
        return None, 0
    number = first & (1 << 7 - ones) - 1 if ones < 7 else 0
    for byte in code[1:ones]:
        number = number << 6 | byte & 63
    return number, ones


def _crc8(data: bytes) -> int:
    """The checksum of a header: polynomial x^8 + x^2 + x + 1, initial value 0."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x107) & 0xFF if crc & 0x80 else crc << 1
    return crc
