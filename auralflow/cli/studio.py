"""`auralflow studio`: a page that separates songs and plays their stems, in the browser."""

import argparse

from auralflow.cli import serve
from auralflow_core.console.parser import Parser


def add_arguments(parser: Parser) -> None:
    """Adds the sub-command's arguments."""
    serve.add_arguments(parser)
    text = "print the page's address alone, and open no browser"
    parser.add_argument("--no_open", dest="opens", action="store_false", help=text)


def run(arguments: argparse.Namespace) -> int:
    """Serves the page until it is interrupted; the exit status is then 130."""
    return serve.run(arguments, page=True, opens=arguments.opens)
