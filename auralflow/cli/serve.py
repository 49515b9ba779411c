"""`auralflow serve`: separates the songs that other programs send over HTTP."""

import argparse
import secrets
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
    from auralflow.pretrained import names
    from auralflow_core.model_folder import find_model

    with needs("fastapi", "uvicorn"):
        from auralflow.studio.server import serve

    models = [str(find_model(model)) if Path(model).exists() else model for model in arguments.model]
    others = [name for name in (DEFAULT, *names()) if name not in models]
    token = None if arguments.host in ("127.0.0.1", "localhost", "::1") else secrets.token_urlsafe(24)
    return serve(
        Path(arguments.library).expanduser(),
        list(dict.fromkeys([*models, *others])),
        host=arguments.host,
        port=arguments.port,
        token=token,
        backend=arguments.backend,
        page=page,
        opens=opens,
    )
