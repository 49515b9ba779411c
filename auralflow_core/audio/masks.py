"""Writing channel masks, which libsndfile leaves out, into WAVE and FLAC files."""

from pathlib import Path

import soundfile

from auralflow_core.audio.channels import DEFAULT_MASKS, PLACES, VORBIS_ORDERS
from auralflow_core.errors import InputError

FLAC_FIELD = b"WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x%08X"  # a comment (RFC 9639, section 8.6.2)
STAND_IN = b"comment=" + b"#" * (len(FLAC_FIELD % 0) - len(b"comment="))  # of the same length
HEADER = 1 << 12  # bytes at the beginning of a file that hold the mask
BACKS, SIDES = 0x30, 0x600


def choose_mask(format: str, channels: int, mask: int) -> int:
    """The mask that a file carries: the given one, or where that is 0 the usual one; 0 for mono and stereo.

    Args:
        format: "wav", "flac", "ogg" or "mp3".
        channels: number of channels.
        mask: of the audio; 0: unknown.

    Raises:
        InputError: the format fixes the places of the channels, and the mask names others.
    """
    usual = DEFAULT_MASKS.get(channels, 0)
    if channels <= 2:
        return 0
    # One pair of surround channels lies at the back or at the sides, and formats differ in what they call it.
    pairs = mask & (BACKS | SIDES)
    swapped = mask ^ (BACKS | SIDES) if pairs in (BACKS, SIDES) else mask
    if format == "ogg" and mask and usual and usual not in (mask, swapped):
        raise InputError(
            f"ogg holds {channels} channels at the places {_names(usual)}, not {_names(mask)}; wav and flac hold them"
        )
    return mask or usual


def file_order(format: str, channels: int) -> list[int]:
    """For every channel in a file its index in WAVE order."""
    order = VORBIS_ORDERS.get(channels) if format == "ogg" else None
    return sorted(range(channels), key=order.__getitem__) if order else list(range(channels))


def reserve(file: soundfile.SoundFile, mask: int) -> None:
    """Reserves space for the mask in a FLAC file that is open for writing; `write_mask` fills it in."""
    if file.format == "FLAC" and mask:
        file.comment = STAND_IN.removeprefix(b"comment=").decode()


def write_mask(path: Path, mask: int) -> None:
    """Puts the mask into a closed file: a WAVE file's extensible format, or the comment of a FLAC file."""
    with open(path, "r+b") as file:
        header = file.read(HEADER)
        place, value = header.find(STAND_IN), FLAC_FIELD % mask
        if header[:4] in (b"RIFF", b"RF64"):
            fmt = header.index(b"fmt ") + 8
            place, value = (fmt + 20 if header[fmt : fmt + 2] == b"\xfe\xff" else -1), mask.to_bytes(4, "little")
        if place >= 0:
            file.seek(place)
            file.write(value)


def _names(mask: int) -> str:
    return "+".join(name for bit, name in enumerate(PLACES) if mask >> bit & 1)
