"""The server that runs the application."""

import asyncio
import logging
import socket
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from auralflow.studio.app import make_app
from auralflow.studio.guard import LOOPBACK
from auralflow_core.errors import InputError
from auralflow_core.storage.lock import sole_run

GOODBYE = 1  # seconds that answers on their way have when the server ends


def serve(
    library: Path, models: Sequence[str], *, host: str, port: int, token: str | None = None, backend: str = "jax"
) -> int:
    """Serves until it is interrupted.

    Args:
        library: the folder of songs and stems; one server at a time has it.
        models: see `make_app`.
        host: the address to listen at.
        port: the port; 0 for any.
        token: see `Guard`; with one, the server may be asked under any name.
        backend: the framework that runs the models.

    Returns:
        0.

    Raises:
        InputError: the address or the port cannot be had, or another server has the library.
    """
    with sole_run(library), _listen(host, port) as listener:
        app = make_app(library, models, backend=backend, hosts=LOOPBACK if token is None else None, token=token)
        address = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}/api"
        print(f"auralflow serves at {address}{f'?token={token}' if token else ''}", flush=True)
        print(f"Songs and stems are kept in {library}. Ctrl-C ends it.", flush=True)
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=GOODBYE)
        logging.getLogger("uvicorn.error").addFilter(_is_news)
        uvicorn.Server(config).run(sockets=[listener])
    return 0


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a message is none about a request that the end of the server cuts off, which listeners always are."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens at an address."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()  # from now on, connections wait
    except (OSError, OverflowError) as error:
        listener.close()
        raise InputError(
            f"{host}:{port}: cannot be listened at: {getattr(error, 'strerror', None) or error}; another --port or "
            "--host is expected"
        ) from None
    return listener
