"""Containers that are made of chunks: WAVE in its 32- and 64-bit variants, AVI, AIFF, 8SVX, CAF, VOC; and AU of one."""

import mmap
from typing import Literal, NamedTuple

from auralflow_core.audio.channels import apple_layout
from auralflow_core.audio.structure import Structure, is_junk

Order = Literal["little", "big"]


class Layout(NamedTuple):
    """How the chunks of a container are written."""

    order: Order  # of the bytes of a number
    first: int  # position of the first chunk
    name: int  # bytes of a chunk's name
    size: int  # bytes of a chunk's size
    align: int  # chunks begin at multiples of it
    whole: bool = False  # the size counts name and size, too


# First bytes of a file -> its chunks.
LAYOUTS = {
    b"RIFF": Layout("little", 12, 4, 4, 2),
    b"RIFX": Layout("big", 12, 4, 4, 2),
    b"RF64": Layout("little", 12, 4, 4, 2),
    b"BW64": Layout("little", 12, 4, 4, 2),
    b"riff": Layout("little", 40, 16, 8, 8, whole=True),  # Wave64
    b"FORM": Layout("big", 12, 4, 4, 2),
    b"caff": Layout("big", 8, 4, 8, 1),
}
AU_ORDERS: dict[bytes, Order] = {b".snd": "big", b"dns.": "little"}
AU_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}  # encoding -> bytes of a sample
AUDIO = (b"data", b"SSND", b"BODY")
PREFIXES = {(b"FORM", b"SSND"): 8, (b"caff", b"data"): 4}  # bytes in the chunk of the audio, before it
MOVIE = b"movi"  # the list of an AVI file that holds its audio
VOC = b"Creative Voice File\x1a"
# Chunks that commonly follow the audio, of which one may be cut off without a loss of audio.
METADATA = b"LIST id3  ID3  bext iXML cue  smpl inst acid DISP PEAK ANNO NAME AUTH (c)  MARK INST APPL info uuid free"
UNCOMPRESSED = (1, 3, 6, 7, 0xFFFE)  # format tags: PCM, floating point, A-law, mu-law, extensible


class Chunk(NamedTuple):
    """A chunk's name, and where its body begins and how long it is by its header."""

    name: bytes
    begin: int
    size: int


def examine(data: mmap.mmap) -> Structure:
    """Compares the size of the audio by the header with the bytes that are there, and finds the channels' places."""
    layout, position, bodies = LAYOUTS[data[:4]], LAYOUTS[data[:4]].first, dict[bytes, bytes]()
    audio, is_open = None, False  # whether the header leaves its size open
    while chunk := _chunk(data, layout, position):
        available = len(data) - chunk.begin
        if chunk.name in AUDIO and audio is None:
            size = _audio_size(chunk.size, layout, bodies)
            is_open = size is None or (size == 0 and not _continues(data, layout, chunk.begin))
            audio = chunk._replace(size=available if is_open else size)
        elif chunk.size <= available:
            bodies[chunk.name] = data[chunk.begin : chunk.begin + min(chunk.size, 1 << 12)]
        elif data[chunk.begin : chunk.begin + 4] == MOVIE:
            return Structure(damage=f"truncated, its header promises {chunk.size} bytes of audio, {available} exist")
        else:
            break
        size = audio.size if audio and audio.begin == chunk.begin else chunk.size
        position = _end(data, layout, chunk.begin + size)
    frame, channels = _frame_bytes(data[:4], bodies)
    mask, order = _places(layout.order, bodies, channels)
    if audio is None:
        return Structure(mask=mask, order=order)
    prefix = PREFIXES.get((data[:4], audio.name), 0)
    size, available = audio.size - prefix, len(data) - audio.begin - prefix
    to_the_end = ("-ignore_length", "1") if layout.order == "little" and layout.first == 12 else ()
    options = to_the_end if is_open else ()
    whole = Structure(max(0, size) // frame if frame else None, mask=mask, order=order, ffmpeg=options)
    if size > available:
        return whole._replace(damage=f"truncated, its header promises {size} bytes of audio, {available} exist")
    if data[position : position + 4] in LAYOUTS and not is_junk(data, position):
        return whole._replace(damage=f"followed by another file, which begins at byte {position} and cannot be joined")
    rest = len(data) - position
    is_metadata = data[position : position + 4] in METADATA.split(b" ")
    if rest > 0 and not is_metadata and not is_junk(data, position):
        return whole._replace(
            samples=available // frame if frame else None,
            doubt=f"its header promises {size} bytes of audio, and {rest} more follow that belong to no chunk",
            ffmpeg=to_the_end,
        )
    return whole


def examine_au(data: mmap.mmap) -> Structure:
    """The same for an AU file: a header of at least 24 bytes, then audio to the end."""
    order = AU_ORDERS[data[:4]]
    begin, size, encoding, _, channels = (int.from_bytes(data[place : place + 4], order) for place in range(4, 24, 4))
    available, frame = len(data) - begin, AU_WIDTHS.get(encoding, 0) * channels
    if size == 0xFFFFFFFF:
        size = available
    whole = Structure(size // frame if frame else None)
    if size > available:
        return whole._replace(damage=f"truncated, its header promises {size} bytes of audio, {available} exist")
    if not is_junk(data, begin + size):
        doubt = f"its header promises {size} bytes of audio, and {available - size} more follow"
        return whole._replace(samples=available // frame if frame else None, doubt=doubt)
    return whole


def examine_voc(data: mmap.mmap) -> Structure:
    """The same for a VOC file: blocks of a type and a size of three bytes, up to one of type 0 or the file's end."""
    position = int.from_bytes(data[len(VOC) : len(VOC) + 2], "little")
    while data[position : position + 1] not in (b"\0", b""):
        size, available = int.from_bytes(data[position + 1 : position + 4], "little"), len(data) - position - 4
        if size > available:
            return Structure(
                damage=f"truncated, its block at byte {position} promises {size} bytes, {max(0, available)} exist"
            )
        position += 4 + size
    return Structure()


def _chunk(data: mmap.mmap, layout: Layout, position: int) -> Chunk | None:
    """The chunk at a position; None if none begins there."""
    begin = position + layout.name + layout.size
    name = data[position : position + 4]
    if begin > len(data) or not all(32 <= byte < 127 for byte in name) or name in LAYOUTS:
        return None
    size = int.from_bytes(data[position + layout.name : begin], layout.order)
    return Chunk(name, begin, max(0, size - layout.name - layout.size) if layout.whole and size else size)


def _end(data: mmap.mmap, layout: Layout, end: int) -> int:
    """The position after a chunk that ends at `end`, and after its padding, which some programs forget to write."""
    padding = -end % layout.align
    return end if data[end : end + padding].strip(b"\0") else end + padding


def _continues(data: mmap.mmap, layout: Layout, position: int) -> bool:
    """Whether the file ends at a position, or a chunk follows there."""
    chunk = _chunk(data, layout, position)
    return position >= len(data) or (chunk is not None and chunk.begin + chunk.size <= len(data))


def _audio_size(size: int, layout: Layout, bodies: dict[bytes, bytes]) -> int | None:
    """The bytes of the chunk of the audio; None if the header leaves it open, as programs that write to a pipe do."""
    if layout.size == 8:
        return None if size >= 1 << 62 else size
    if size == 0xFFFFFFFF and len(wide := bodies.get(b"ds64", b"")) >= 16:
        size = int.from_bytes(wide[8:16], layout.order)
        return None if size == 0 or size >= 1 << 62 else size
    # Near the greatest numbers with and without sign, by the bytes of a header or of a buffer.
    return None if size >> 12 in (0x7FFFE, 0x7FFFF, 0x80000, 0xFFFFE, 0xFFFFF) else size


def _frame_bytes(magic: bytes, bodies: dict[bytes, bytes]) -> tuple[int, int]:
    """The bytes of a sample of all channels, 0 in compressed audio, and the number of channels."""
    order = LAYOUTS[magic].order
    if fmt := bodies.get(b"fmt "):
        tag, channels, align = (int.from_bytes(fmt[place : place + 2], order) for place in (0, 2, 12))
        return align if tag in UNCOMPRESSED else 0, channels
    if common := bodies.get(b"COMM"):
        channels, bits = int.from_bytes(common[:2], "big"), int.from_bytes(common[6:8], "big")
        widths = {b"ulaw": 1, b"ULAW": 1, b"alaw": 1, b"ALAW": 1, b"ima4": 0, b"GSM ": 0, b"MAC3": 0, b"MAC6": 0}
        return channels * widths.get(common[18:22], -(-bits // 8)), channels
    if description := bodies.get(b"desc"):
        packet, frames, channels = (int.from_bytes(description[place : place + 4], "big") for place in (16, 20, 24))
        return packet if frames == 1 else 0, channels
    return 0, 0


def _places(order: Order, bodies: dict[bytes, bytes], channels: int) -> tuple[int, tuple[int, ...]]:
    """The mask, and the order of the channels in the file."""
    fmt = bodies.get(b"fmt ", b"")
    if len(fmt) >= 24 and int.from_bytes(fmt[:2], order) == 0xFFFE:
        mask = int.from_bytes(fmt[20:24], order)
        return (mask, ()) if mask.bit_count() == channels else (0, ())
    layout = bodies.get(b"chan") or bodies.get(b"CHAN")
    return apple_layout(layout, channels) if layout and channels > 2 else (0, ())
