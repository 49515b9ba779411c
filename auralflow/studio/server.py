"""The server that runs the application."""

import asyncio
import logging
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path

from auralflow.studio.guard import LOOPBACK
from auralflow_core.errors import InputError
from auralflow_core.storage.lock import sole_run

GOODBYE = 1  # seconds that answers on their way have when the server ends


def serve(
    library: Path,
    find_models: Callable[[], Sequence[str]],
    *,
    host: str,
    port: int,
    token: str | None = None,
    backend: str = "jax",
    page: bool = False,
    opens: bool = False,
) -> int:
    """Serves until it is interrupted.

    Args:
        library: the folder of songs and stems; one server at a time has it.
        find_models: gives the models, see `make_app`.
        host: the address to listen at.
        port: the port; 0 for any.
        token: see `Guard`; with one, the server may be asked under any name.
        backend: the framework that runs the models.
        page: there is a page for people, too.
        opens: shows it in the browser, if there is one.

    Returns:
        0.

    Raises:
        InputError: the address or the port cannot be had, or another server has the library.
    """
    with sole_run(library), _listen(host, port) as listener:
        port = listener.getsockname()[1]
        address = f"{_shown(host)}:{port}/{'' if page else 'api'}{f'?token={token}' if token else ''}"
        print(f"auralflow {'studio is' if page else 'serves'} at http://{address}", flush=True)
        print(f"Songs and stems are kept in {library}. Ctrl-C ends it.", flush=True)
        if opens:
            threading.Thread(target=show, args=(f"http://{address}",), daemon=True).start()
        # Imported only now, when a browser is on its way: the first connection waits for it.
        import uvicorn

        from auralflow.studio.app import make_app

        hosts = LOOPBACK if token is None else None
        app = make_app(library, find_models(), backend=backend, hosts=hosts, token=token, page=page)
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=GOODBYE)
        logging.getLogger("uvicorn.error").addFilter(_is_news)
        uvicorn.Server(config).run(sockets=[listener])
    return 0


def show(address: str) -> None:
    """Opens an address in the browser of whoever sits at the screen; without a screen, nothing happens."""
    has_screen = sys.platform in ("win32", "darwin") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    if has_screen or "BROWSER" in os.environ:  # a browser of the terminal would take the terminal
        webbrowser.open(address.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:"))


def _shown(host: str) -> str:
    """A host as it stands in an address."""
    return f"[{host}]" if ":" in host else host


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a message is none about requests that the end of the server cuts off, which listeners always are."""
    is_cut_off = record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError)
    return not (is_cut_off or "graceful shutdown" in record.getMessage())


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
