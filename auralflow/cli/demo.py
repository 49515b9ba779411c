"""`auralflow demo`: runs all steps once, from generated songs to a page."""

import argparse

from auralflow.cli.arguments import training_interrupts
from auralflow_core.console.parser import Parser


def add_arguments(parser: Parser) -> None:
    """Adds the sub-command's arguments."""
    parser.add_argument("directory", metavar="DIR", nargs="?", default="auralflow-demo", help="default: %(default)s")
    parser.add_argument("--restart", action="store_true", help="train from the start")


def run(arguments: argparse.Namespace) -> None:
    """Runs the demo and prints where its page is."""
    from auralflow.demo import run_demo

    with training_interrupts():
        page = run_demo(arguments.directory, restart=arguments.restart)
    print(f"Open {page.resolve()} in a browser.")
