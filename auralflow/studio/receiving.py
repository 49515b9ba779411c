"""Bodies of requests that go into files, bounded in size and time."""

import asyncio
import hashlib
from pathlib import Path

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

STALLED = 30.0  # seconds after which a body that brings nothing more is given up


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
    too_large = HTTPException(413, f"the body has more than {most} bytes, which is not accepted")
    if int(request.headers.get("content-length", 0)) > most:
        raise too_large
    size, digest, chunks = 0, hashlib.sha256(), request.stream()
    try:
        with file.open("wb") as stream:
            while True:
                try:
                    chunk = await asyncio.wait_for(anext(chunks, None), STALLED)
                except TimeoutError:
                    raise HTTPException(408, f"nothing came for {STALLED:.0f} s") from None
                if chunk is None:
                    break
                size += len(chunk)
                if size > most:
                    raise too_large
                digest.update(chunk)
                await asyncio.to_thread(stream.write, chunk)
    except OSError as error:
        raise HTTPException(507, f"the song cannot be kept: {error.strerror}") from None
    except ClientDisconnect:  # which nobody hears
        raise HTTPException(400, "the connection ended before the song") from None
    if not size:
        raise HTTPException(400, "the request has no body, expected the song's file")
    return digest.hexdigest()
