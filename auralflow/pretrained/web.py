"""Files on the web."""

import http.client
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from auralflow.pretrained.download import check
from auralflow_core.console.progress import progress_bar
from auralflow_core.errors import InputError, brief

BLOCK = 1 << 18  # bytes
TIMEOUT = 20  # seconds without a byte from the server
LARGEST = 1 << 30  # bytes of a file


@dataclass(frozen=True)
class WebFile:
    """A file on the web; a download that was cut off goes on where it stopped.

    Attributes:
        url: where it is.
        sha256: see `PublishedFile`.
        sha512: its SHA-512, where that is published.
    """

    url: str
    sha256: str
    sha512: str = ""

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]

    def download(self, path: Path) -> None:
        """See `PublishedFile`.

        Raises:
            InputError: the server cannot be reached, sends something else or too much, or stops before the end.
        """
        partial = path.with_name(path.name + ".part")
        goes_on = partial.exists()
        self._receive(partial)
        try:
            check(partial, self, self.url)
        except InputError as error:
            partial.unlink()  # going on would keep the damage
            if not goes_on:
                raise InputError(f"{error}; --file takes a local copy") from None
            self.download(path)  # once more, from the start
        else:
            os.replace(partial, path)

    def _receive(self, partial: Path) -> None:
        """Asks for what is missing until all of it is there, or a request brings nothing more."""
        while True:
            before = _size(partial)
            try:
                return self._request(partial)
            # The errors of urllib, time-outs included, are OSErrors; those of the responses that it reads are not.
            except (OSError, ValueError, http.client.HTTPException) as error:
                if isinstance(error, TooLarge):
                    partial.unlink(missing_ok=True)
                    raise InputError(f"{self.url}: cannot be fetched ({error}); --file takes a local copy") from None
                if _size(partial) > before:
                    continue
                reason = error if isinstance(error, urllib.error.HTTPError) else getattr(error, "reason", error)
                reason = brief(str(reason) or type(error).__name__)
                raise InputError(
                    f"{self.url}: cannot be fetched ({reason}); the same command resumes the download, "
                    "and --file takes a local copy"
                ) from None

    def _request(self, partial: Path) -> None:
        received = _size(partial)
        request = urllib.request.Request(self.url, headers={"Range": f"bytes={received}-"} if received else {})
        try:
            response = urllib.request.urlopen(request, timeout=TIMEOUT)
        except urllib.error.HTTPError as error:
            error.close()
            if received and error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return  # it is complete
            raise
        with response:
            if not _goes_on(response, received):
                received = 0
            length = response.headers.get("Content-Length")
            total = received + int(length or 0)
            if total > LARGEST:
                raise TooLarge(f"the server announces {total} bytes, and at most {LARGEST} are accepted")
            with (
                open(partial, "ab" if received else "wb") as file,
                progress_bar(total / 1e6, "MB", name=self.name) as advance,
            ):
                for block in _blocks(response):
                    if file.tell() + len(block) > LARGEST:
                        raise TooLarge(f"the server sends more than the {LARGEST} bytes that are accepted")
                    file.write(block)
                    advance(self.name, file.tell() / 1e6)
        if _size(partial) < total:
            raise ValueError(f"the server stopped after {_size(partial)} of {total} bytes")


class TooLarge(ValueError):
    """A file of more bytes than are accepted."""


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _goes_on(response: http.client.HTTPResponse, received: int) -> bool:
    """Whether a response begins where the file on disk ends."""
    sent = re.match(rf"bytes {received}-", response.headers.get("Content-Range", f"bytes {received}-"))
    return response.status == HTTPStatus.PARTIAL_CONTENT and sent is not None


def _blocks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while block := response.read1(BLOCK):  # what has come, as more may never come
        yield block
