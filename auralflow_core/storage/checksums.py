"""Checksums of the files of a folder, in a file that `sha256sum --check` reads too."""

import hashlib
import re
from pathlib import Path

from auralflow_core.storage.atomic import replacing

CHECKSUMS = "SHA256SUMS"


def write_checksums(folder: Path) -> None:
    """Writes the SHA-256 of every file below a folder into its file `SHA256SUMS`, atomically."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != CHECKSUMS)
    lines = (f"{sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in paths)
    with replacing(folder / CHECKSUMS) as aside:
        aside.write_text("".join(lines), encoding="utf-8")


def find_damage(folder: Path) -> str | None:
    """Compares a folder with its checksums.

    Returns:
        The first difference, as the beginning of a sentence that names the file; None if there is no difference, or
        if the folder has no checksums.
    """
    listed = folder / CHECKSUMS
    if not listed.exists():
        return None
    lines = listed.read_text(encoding="utf-8", errors="replace").splitlines()
    entries = [re.fullmatch(r"([0-9a-f]{64})  ([^\0]+)", line) for line in lines]
    if not entries:
        return f"{listed}: is empty"
    for number, entry in enumerate(entries, 1):
        if entry is None:
            return f"{listed}: line {number} is damaged"
        digest, path = entry[1], folder / entry[2]
        if not path.is_file():
            return f"{path}: is missing"
        if sha256(path) != digest:
            return f"{path}: is damaged, its SHA-256 is not the one in {listed.name}"
    return None


def sha256(path: Path) -> str:
    """The SHA-256 of a file, as 64 digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
