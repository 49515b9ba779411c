"""How exported models are told from other files, without the packages that read them."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

SUFFIX = ".onnx"
KEY = "auralflow"  # of the description in a file's metadata
METADATA = 14  # field of ONNX's ModelProto: pairs of a key, field 1, and a value, field 2


def is_exported(path: str | Path) -> bool:
    """Whether a path is that of an ONNX file that `auralflow export` wrote; other ONNX files are not."""
    path = Path(path)
    if path.suffix.lower() != SUFFIX or not path.is_file():
        return False
    with path.open("rb") as file:
        return any(
            number == METADATA and entry.startswith(b"\x0a" + bytes([len(KEY)]) + KEY.encode())
            for number, entry in _fields(file, path.stat().st_size)
        )


def _fields(file: BinaryIO, size: int) -> Iterator[tuple[int, bytes]]:
    """Yields the numbers of a protobuf message's fields and the first bytes of those with a length, up to a fault."""
    while file.tell() < size and (tag := _varint(file)) >> 3:  # no field has the number 0
        match tag & 7:
            case 0:
                _varint(file)
            case 1:
                file.seek(8, 1)
            case 2:
                end = _varint(file) + file.tell()
                yield tag >> 3, file.read(min(64, end - file.tell()))
                file.seek(end)
            case 5:
                file.seek(4, 1)
            case _:
                return


def _varint(file: BinaryIO) -> int:
    """Reads a number of seven bits a byte, the lowest first."""
    value = 0
    for place in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            return value
        value |= (byte[0] & 127) << place
        if byte[0] < 128:
            break
    return value
