"""Bodies of requests, bounded in size and time."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

STALLED = 30.0  # seconds after which a body that brings nothing more is given up
MOST_JSON = 1 << 16  # bytes of a body that goes into memory


async def receive(request: Request, file: Path, most: int) -> str:
    """Writes the body of a request into a file.

    Args:
        request: whose body is taken as it comes.
        file: that it goes into.
        most: bytes that are taken.

    Returns:
        Their SHA-256, in hexadecimal digits.

    Raises:
        HTTPException: it is empty or too large, or nothing more came; or the disk is full.
    """
    size, digest = 0, hashlib.sha256()
    try:
        with file.open("wb") as stream:
            async for chunk in _chunks(request, most):
                size += len(chunk)
                digest.update(chunk)
                await asyncio.to_thread(stream.write, chunk)
    except OSError as error:
        raise HTTPException(507, f"the song cannot be kept: {error.strerror}") from None
    except ClientDisconnect:  # which nobody hears
        raise HTTPException(400, "the connection ended before the song") from None
    if not size:
        raise HTTPException(400, "the request has no body, expected the song's file")
    return digest.hexdigest()


class BoundedRoute(APIRoute):
    """A route whose JSON has at most `MOST_JSON` bytes."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The function that answers."""
        handler = super().get_route_handler()

        async def bounded(request: Request) -> Response:
            return await handler(_BoundedRequest(request.scope, request.receive))

        return bounded


class _BoundedRequest(Request):
    async def body(self) -> bytes:
        """The whole body, in memory."""
        if not hasattr(self, "_body"):
            self._body = b"".join([chunk async for chunk in _chunks(self, MOST_JSON)])
        return self._body


async def _chunks(request: Request, most: int) -> AsyncIterator[bytes]:
    """The body of a request as it comes.

    Raises:
        HTTPException: it has more bytes than `most`, or nothing more came.
    """
    too_large = HTTPException(413, f"the body has more than {most} bytes, which is not accepted")
    if int(request.headers.get("content-length", 0)) > most:
        raise too_large
    size, stream = 0, request.stream()
    while True:
        try:
            chunk = await asyncio.wait_for(anext(stream, None), STALLED)
        except TimeoutError:
            raise HTTPException(408, f"nothing came for {STALLED:.0f} s") from None
        if chunk is None:
            return
        size += len(chunk)
        if size > most:
            raise too_large
        yield chunk
