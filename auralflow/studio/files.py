"""Files that the server hands out."""

from fastapi import HTTPException
from fastapi.responses import FileResponse
from starlette.types import Message, Receive, Scope, Send


class KeptFile(FileResponse):
    """A file of the library, which may be deleted at any time."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands the file out, whole or in parts.

        Raises:
            HTTPException: it is gone. Once its headers are on the way, the connection is closed instead.
        """
        begun = False

        async def sends(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await super().__call__(scope, receive, sends)
        except (RuntimeError, FileNotFoundError):  # the first is the framework's own
            if not begun:
                raise HTTPException(404, "the file is gone") from None
