"""The structure of MP3 and MP2 files: frames one after another, of which the first may tell the length.

Fields of a frame's header: ISO/IEC 11172-3, section 2.4.1.3, and 13818-3 for the low sample rates.
"""

import dataclasses
import mmap
import re
from typing import NamedTuple

from auralflow_core.audio.structure import PADDING, Structure

# Version, as the header codes it (3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5) -> sample rates in Hz.
RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
# Whether it is MPEG-1, and the layer -> kbit/s.
BITRATES = {
    (True, 1): tuple(range(0, 449, 32)),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
CANDIDATE = re.compile(rb"\xff[\xe0-\xff]|TAG|ID3|APETAGEX|LYRICSBEGIN")
DECODER_DELAY = 529  # samples by which a decoder of layer III lags behind


class Frame(NamedTuple):
    """A frame: its bytes, its samples per channel, and what does not change within a stream."""

    size: int
    samples: int
    kind: tuple[int, int, int]  # version, layer and sample rate, as the header codes them


class Head(NamedTuple):
    """A first frame without audio (of Xing or LAME), which tells the length of the stream."""

    before: int  # number of frames with audio before it
    frames: int  # that it promises
    padding: int  # samples that the encoder put around the audio


@dataclasses.dataclass
class Walk:
    """Counts that a walk over all frames of a file makes."""

    frames: int = 0  # with audio
    samples: int = 0  # of all of them
    heads: list[Head] = dataclasses.field(default_factory=list)
    kinds: set[tuple[int, int, int]] = dataclasses.field(default_factory=set)
    tags: int = 0  # between frames
    junk: int = 0  # bytes between frames
    cut: bool = False  # whether the last frame is


def skip_tags(data: mmap.mmap, position: int) -> int:
    """The position after ID3 tags that begin at a position."""
    while data[position : position + 3] == b"ID3" and position + 10 <= len(data):
        head = data[position : position + 10]
        # Four bytes of seven bits each; a flag tells of a footer of ten bytes.
        size = sum((byte & 127) << 7 * place for place, byte in enumerate(reversed(head[6:])))
        position += 10 + size + 10 * bool(head[5] & 16)
    return position


def first_frame(data: mmap.mmap, begin: int) -> int | None:
    """The position of the first frame; None if the file is no MPEG audio, which begins with a frame or with zeros."""
    found = re.compile(rb"[^\0]").search(data, begin, begin + PADDING)
    return found.start() if found and _is_followed(data, found.start()) else None


def examine(data: mmap.mmap, begin: int) -> Structure:
    """Compares the number of frames with the one that the file promises.

    Args:
        data: the file.
        begin: position of the first frame.
    """
    walk = _walk(data, begin)
    per_frame = walk.samples // max(1, walk.frames)
    first = walk.heads[0] if walk.heads and walk.heads[0].before == 0 else None
    padding = sum(head.padding for head in walk.heads)
    whole = Structure(walk.samples - padding, 2 * (per_frame + DECODER_DELAY) if walk.heads else 0, counted=not first)
    if (promised := sum(head.frames for head in walk.heads)) > walk.frames + len(walk.heads):
        length = promised * per_frame - padding
        return whole._replace(damage=f"truncated, its header promises {length} samples, {whole.samples} can be decoded")
    if walk.cut:
        return whole._replace(damage="truncated, its last frame is cut off")
    if len(walk.heads) > 1 or len(walk.kinds) > 1 or walk.tags:
        joined = "it is several MP3s in one, of which libsndfile may leave some out"
        return whole._replace(doubt=joined, trimmed=whole.trimmed + padding, tags=True)
    if first and walk.frames != first.frames:
        return whole._replace(doubt=f"its header promises {first.frames} frames, it holds {walk.frames}")
    return whole._replace(doubt=f"{walk.junk} bytes between its frames are none" if walk.junk else "")


def _walk(data: mmap.mmap, position: int) -> Walk:
    """Goes from frame to frame."""
    walk, waiting = Walk(), 0  # bytes of junk that count if a frame follows
    tags = 0
    while position < len(data) - 4:
        frame = _frame(data[position : position + 4])
        if frame is None or (waiting and not _is_followed(data, position)):
            after = _skip_tag(data, position)
            tags += after > position
            if after == position:
                after = _next_candidate(data, position + 1)
                waiting += after - position
            position = after
            continue
        if position + frame.size > len(data):
            walk.cut = waiting == 0
            break
        walk.junk, walk.tags, waiting, tags = walk.junk + waiting, walk.tags + tags, 0, 0
        walk.kinds.add(frame.kind)
        if head := _head(data[position : position + min(frame.size, 192)], walk.frames):
            walk.heads.append(head)
        else:
            walk.frames += 1
            walk.samples += frame.samples
        position += frame.size
    return walk


def _frame(header: bytes) -> Frame | None:
    """The frame of a header of four bytes; None if these are none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    bitrate, rate, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version == 1 or layer == 4 or bitrate in (0, 15) or rate == 3:
        return None
    is_first = version == 3
    samples = 384 if layer == 1 else 1152 if layer == 2 or is_first else 576
    slot = 4 if layer == 1 else 1  # bytes
    slots = samples // 8 // slot * 1000 * BITRATES[is_first, layer][bitrate] // RATES[version][rate] + padding
    return Frame(slots * slot, samples, (version, layer, rate))


def _is_followed(data: mmap.mmap, position: int) -> bool:
    """Whether a frame begins at a position, and at its end another one, or the file ends there."""
    frame = _frame(data[position : position + 4])
    if frame is None:
        return False
    end = position + frame.size
    following = _frame(data[end : end + 4])
    return end == len(data) or (following is not None and following.kind == frame.kind)


def _next_candidate(data: mmap.mmap, begin: int) -> int:
    """The next position at which a frame or a tag may begin; the end of the file if there is none."""
    found = CANDIDATE.search(data, begin)
    return found.start() if found else len(data)


def _head(data: bytes, before: int) -> Head | None:
    """The frame's promise of a length; None if it holds audio.

    Fields: http://gabriel.mp3-tech.org/mp3infotag.html.
    """
    place = max(data.find(b"Xing", 0, 44), data.find(b"Info", 0, 44))
    if place < 0:
        return None
    flags = int.from_bytes(data[place + 4 : place + 8], "big")
    frames = int.from_bytes(data[place + 8 : place + 12], "big") if flags & 1 else 0
    lame = place + 8 + sum(size for bit, size in enumerate((4, 4, 100, 4)) if flags >> bit & 1)
    delays = int.from_bytes(data[lame + 21 : lame + 24], "big")  # twelve bits each
    return Head(before, frames, (delays >> 12) + (delays & 4095) if data[lame : lame + 4].isalpha() else 0)


def _skip_tag(data: mmap.mmap, position: int) -> int:
    """The position after a tag that begins at a position; the same position if none does."""
    if data[position : position + 3] == b"TAG":
        return position + 128
    if data[position : position + 8] == b"APETAGEX":
        size, flags = (int.from_bytes(data[position + k : position + k + 4], "little") for k in (12, 20))
        # The size counts the footer; a header says by a flag that it is one.
        return position + 32 + (size if flags >> 29 & 1 else 0)
    if data[position : position + 11] == b"LYRICSBEGIN":
        end = data.find(b"LYRICS200", position)
        return position if end < 0 else end + 9
    return skip_tags(data, position)
