"""The places of channels: WAVE order, and the orders of containers that have others.

WAVE order is that of the bits of a channel mask (Microsoft, "Multiple channel audio data and WAVE files"): front left,
front right, front center, low frequency, back left, back right, and so on.
"""

from collections.abc import Sequence

# Names of the bits of a mask, the lowest first, as ffmpeg has them.
PLACES: tuple[str, ...] = tuple("FL FR FC LFE BL BR FLC FRC BC SL SR TC TFL TFC TFR TBL TBC TBR".split())

# Number of channels -> the mask of files that have none, which is FLAC's assignment (RFC 9639, section 9.1.3).
DEFAULT_MASKS = {1: 0x4, 2: 0x3, 3: 0x7, 4: 0x33, 5: 0x37, 6: 0x3F, 7: 0x70F, 8: 0x63F}

# Number of channels -> the index in an Ogg file of each channel in WAVE order (Vorbis I, section 4.3.9; RFC 7845,
# section 5.1.1.2). Vorbis has the center between left and right, and the low frequencies last.
VORBIS_ORDERS = {
    3: (0, 2, 1),
    5: (0, 2, 1, 3, 4),
    6: (0, 2, 1, 5, 3, 4),
    7: (0, 2, 1, 6, 5, 3, 4),
    8: (0, 2, 1, 7, 5, 6, 3, 4),
}

# Apple's tags of channel layouts without their number of channels -> labels of the channels in the file's order
# (Core Audio, CoreAudioTypes.h). A label is the number of a bit of the mask, the lowest being 1. Of the four surround
# channels of 128, ffmpeg writes and reads the ones of the back first, which are 5 and 6 here.
APPLE_LAYOUTS: dict[int, tuple[int, ...]] = {
    108: (1, 2, 5, 6),
    113: (1, 2, 3),
    114: (3, 1, 2),
    115: (1, 2, 3, 9),
    116: (3, 1, 2, 9),
    117: (1, 2, 3, 5, 6),
    118: (1, 2, 5, 6, 3),
    119: (1, 3, 2, 5, 6),
    120: (3, 1, 2, 5, 6),
    121: (1, 2, 3, 4, 5, 6),
    122: (1, 2, 5, 6, 3, 4),
    123: (1, 3, 2, 5, 6, 4),
    124: (3, 1, 2, 5, 6, 4),
    125: (1, 2, 3, 4, 5, 6, 9),
    126: (1, 2, 3, 4, 5, 6, 7, 8),
    127: (3, 7, 8, 1, 2, 5, 6, 4),
    128: (1, 2, 3, 4, 5, 6, 10, 11),
    131: (1, 2, 9),
    132: (1, 2, 5, 6),
    133: (1, 2, 4),
    134: (1, 2, 4, 9),
    135: (1, 2, 4, 5, 6),
    136: (1, 2, 3, 4),
    137: (1, 2, 3, 4, 9),
    138: (1, 2, 5, 6, 4),
}
USE_DESCRIPTIONS, USE_BITMAP = 0, 1 << 16


def mask_of_names(names: Sequence[str]) -> int:
    """The mask of channels by ffmpeg's names of them; 0 if one has no place in it.

    Example:
        >>> mask_of_names(["FL", "FR", "LFE"])
        11
    """
    return sum(1 << PLACES.index(name) for name in names) if set(names) <= set(PLACES) else 0


def apple_layout(chunk: bytes, channels: int) -> tuple[int, tuple[int, ...]]:
    """The mask and the order of the channel layout in a CAF or AIFF file; 0 and () where it is unknown.

    Args:
        chunk: body of the chunk `chan` or `CHAN`: a tag, a bitmap, a number of descriptions, and these, 20 bytes each,
            of which the first four are the label.
        channels: of the file.
    """
    tag, bitmap, count = (int.from_bytes(chunk[place : place + 4], "big") for place in (0, 4, 8))
    if tag == USE_BITMAP:
        return (bitmap, ()) if bitmap.bit_count() == channels else (0, ())
    labels = APPLE_LAYOUTS.get(tag >> 16, ())
    if tag == USE_DESCRIPTIONS:
        labels = tuple(int.from_bytes(chunk[12 + 20 * k : 16 + 20 * k], "big") for k in range(min(count, channels)))
    if {33, 34} & set(labels):  # channels of the back, next to those of the sides
        labels = tuple({5: 10, 6: 11, 33: 5, 34: 6}.get(label, label) for label in labels)
    if len(set(labels)) != channels or not all(1 <= label <= len(PLACES) for label in labels):
        return 0, ()
    order = tuple(sorted(range(channels), key=labels.__getitem__))
    mask = sum(1 << label - 1 for label in labels)
    return mask, () if order == tuple(range(channels)) else order
