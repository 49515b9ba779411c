"""`auralflow serve`: separates the songs that other programs send over HTTP."""

import argparse
import secrets
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from auralflow.cli.arguments import add_backend
from auralflow.pretrained.defaults import DEFAULT
from auralflow_core.console.parser import Parser
from auralflow_core.optional import needs

LIBRARY = "~/auralflow-library"
PORT = 8765


def add_arguments(parser: Parser) -> None:
    """Adds the sub-command's arguments."""
    text = (
        f"a model that songs may ask for besides the ready ones: its folder; the first is the default (else {DEFAULT})"
    )
    parser.add_argument("--model", metavar="MODEL", action="append", default=[], help=text)
    text = "folder that songs and their stems are kept in (default: %(default)s)"
    parser.add_argument("--library", metavar="DIR", default=LIBRARY, help=text)
    parser.add_argument("--port", type=int, default=PORT, help="of the server; 0: any (default: %(default)s)")
    text = "address to listen at; other computers reach it only if it is not the default, and then need the token "
    text += "that is printed (default: %(default)s)"
    parser.add_argument("--host", default="127.0.0.1", help=text)
    add_backend(parser)


def run(arguments: argparse.Namespace, *, page: bool = False, opens: bool = False) -> int:
    """Serves until it is interrupted; the exit status is then 130.

    Args:
        arguments: of the command.
        page: there is a page for people, too.
        opens: shows it in the browser.
    """
    from auralflow.studio.server import serve

    with needs("fastapi", "uvicorn"):
        for package in ("fastapi", "uvicorn"):  # which are imported later, when the address is printed
            if find_spec(package) is None:
                raise ModuleNotFoundError(name=package)
    given = list(map(_found, arguments.model))
    token = None if arguments.host in ("127.0.0.1", "localhost", "::1") else secrets.token_urlsafe(24)
    return serve(
        Path(arguments.library).expanduser(),
        lambda: _with_ready_ones(given),
        host=arguments.host,
        port=arguments.port,
        token=token,
        backend=arguments.backend,
        page=page,
        opens=opens,
    )


def _found(model: str) -> str:
    """A model that was named: its folder if there is one, otherwise a name.

    Raises:
        InputError: the folder holds no model.
    """
    from auralflow_core.model_folder import find_model

    return str(find_model(model)) if Path(model).exists() else model


def _with_ready_ones(given: Sequence[str]) -> list[str]:
    """Models that were named, the default and the other ready ones."""
    from auralflow.pretrained import names

    return list(dict.fromkeys([*given, DEFAULT, *names()]))
