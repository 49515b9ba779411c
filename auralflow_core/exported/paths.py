"""How exported models are told from other files, without the packages that read them."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from auralflow_core.errors import InputError

FILE = "auralflow.json"  # of the description in files that are, or end in, a zip archive
KEY = "auralflow"  # of the description in an ONNX file's metadata
RUNTIMES = {".pt2": "torch.export.load", ".pte": "ExecuTorch", ".stablehlo": "jax.export.deserialize"}
METADATA = 14  # field of ONNX's ModelProto: pairs of a key, field 1, and a value, field 2


def is_exported(path: str | Path) -> bool:
    """Whether a path is that of a file that `auralflow export` wrote, and `separate` runs without a framework."""
    path = Path(path)
    described = SUFFIXES.get(path.suffix.lower())
    return described is not None and path.is_file() and described(path)


def refuse_programs(path: Path) -> None:
    """Refuses files that hold a program, where weights are expected.

    Raises:
        InputError: it is such a file, by its description or its name.
    """
    suffix = path.suffix.lower()
    if is_exported(path):
        raise InputError(
            f"{path}: is an exported model, which `separate` and `evaluate` run in its runtime; weights are expected"
        )
    if suffix in SUFFIXES and path.is_file():
        raise InputError(
            f"{path}: does not say which model it holds: it is damaged, or `auralflow export` did not write it"
        )
    if suffix in RUNTIMES and path.is_file():
        raise InputError(
            f"{path}: is a program that {RUNTIMES[suffix]} runs; `separate` takes exported files of "
            f"{' and '.join(SUFFIXES)}, or the model that it was made from"
        )


def _in_archive(path: Path) -> bool:
    """Whether a file ends in a zip archive with a description."""
    with path.open("rb") as file:
        try:
            return FILE in zipfile.ZipFile(file).namelist()
        except Exception:  # damaged archives bring errors of many kinds
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
                end = min(_varint(file) + file.tell(), size)
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
