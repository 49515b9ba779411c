"""How exported models are told from other files, without the packages that read them."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

FILE = "auralflow.json"  # of the description in files that are, or end in, a zip archive
KEY = "auralflow"  # of the description in an ONNX file's metadata
METADATA = 14  # field of ONNX's ModelProto: pairs of a key, field 1, and a value, field 2


def is_exported(path: str | Path) -> bool:
    """Whether a path is that of a file that `auralflow export` wrote, and `separate` runs without a framework."""
    path = Path(path)
    described = SUFFIXES.get(path.suffix.lower())
    return described is not None and path.is_file() and described(path)


def _in_archive(path: Path) -> bool:
    """Whether a file ends in a zip archive with a description."""
    try:
        with zipfile.ZipFile(path) as archive:
            return FILE in archive.namelist()
    except zipfile.BadZipFile:
        return False


def _in_metadata(path: Path) -> bool:
    """Whether an ONNX file has a description in its metadata."""
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


SUFFIXES = {".onnx": _in_metadata, ".tflite": _in_archive}  # of files that `separate` runs
