"""`auralflow demo`: shows everything, from songs to a page."""

import argparse

from auralflow_core.console.parser import Parser

TEXT = "Make songs, train a small model on them, separate, evaluate, and write a page."


def add_arguments(parser: Parser) -> None:
    """Adds the sub-command's arguments."""
    parser.add_argument("directory", metavar="DIR", nargs="?", default="auralflow-demo", help="default: %(default)s")
    parser.add_argument("--restart", action="store_true", help="train anew")


def run(arguments: argparse.Namespace) -> None:
    """Shows everything, from songs to a page."""
    from auralflow.demo import run_demo
    from auralflow_jax.train.monitor import Interrupted

    try:
        page = run_demo(arguments.directory, restart=arguments.restart)
    except Interrupted as stop:
        raise KeyboardInterrupt(str(stop)) from None
    print(f"Open {page.resolve()} in a browser.")
