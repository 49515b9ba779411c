"""`auralflow recipe`: makes songs and trains a model on them, as a recipe says."""

import argparse

from auralflow.cli.arguments import training_interrupts
from auralflow.cli.evaluate import show
from auralflow_core.console.parser import Parser
from auralflow_core.errors import InputError


def add_arguments(parser: Parser) -> None:
    """Adds the sub-command's arguments."""
    parser.add_argument(
        "name", metavar="NAME", nargs="?", help="a recipe, or a file like one; without NAME all recipes are listed"
    )
    parser.add_argument(
        "directory",
        metavar="FOLDER",
        nargs="?",
        help="the folder for songs/ and model/; an earlier call in the same folder is continued",
    )
    parser.add_argument(
        "--real",
        metavar="DATASET",
        nargs="+",
        default=(),
        help="real music, <split>/<track>/<stem>.wav, to train on in addition to the songs",
    )
    parser.add_argument("--restart", action="store_true", help="train from the start")


def run(arguments: argparse.Namespace) -> None:
    """Lists the recipes, or makes songs and a model as one of them says, and evaluates the model."""
    from auralflow.recipes import read_recipe, recipes, run_recipe

    if arguments.name is None:
        print(*(f"{name}: {read_recipe(name)[0].about}" for name in recipes()), sep="\n")
        return
    if arguments.directory is None:
        raise InputError(f"recipe {arguments.name}: the folder is missing; a new one is expected")
    from auralflow.api.evaluation import evaluate

    with training_interrupts():
        trained = run_recipe(arguments.name, arguments.directory, arguments.real, arguments.restart)
    print(f"Evaluating on {trained.dataset / trained.split}.")
    show(evaluate(trained.model.path, trained.dataset, trained.split), trained.split)
