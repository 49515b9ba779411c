"""`auralflow recipe`: makes songs and trains a model on them."""

import argparse

from auralflow.cli.evaluate import show
from auralflow_core.console.parser import Parser
from auralflow_core.errors import InputError

TEXT = "Make songs and train a model on them, as a recipe says; or list recipes."


def add_arguments(parser: Parser) -> None:
    """Adds the sub-command's arguments."""
    parser.add_argument(
        "name", metavar="NAME", nargs="?", help="a recipe, or a file like one; without it: which there are"
    )
    parser.add_argument(
        "directory",
        metavar="FOLDER",
        nargs="?",
        help="gets songs/ and model/; that of an earlier call goes on where it stopped",
    )
    parser.add_argument(
        "--real",
        metavar="DATASET",
        nargs="+",
        default=(),
        help="real music, <split>/<track>/<stem>.wav, to train on beside the songs",
    )
    parser.add_argument("--restart", action="store_true", help="train anew")


def run(arguments: argparse.Namespace) -> None:
    """Lists recipes, or makes songs and a model by one."""
    from auralflow.recipes import read_recipe, recipes, run_recipe

    if arguments.name is None:
        print(*(f"{name}: {read_recipe(name)[0].about}" for name in recipes()), sep="\n")
        return
    if arguments.directory is None:
        raise InputError(f"recipe {arguments.name}: where to is missing; a new folder is expected")
    from auralflow.api.evaluation import evaluate
    from auralflow_jax.train.monitor import Interrupted

    try:
        trained = run_recipe(arguments.name, arguments.directory, arguments.real, arguments.restart)
    except Interrupted as stop:
        raise KeyboardInterrupt(str(stop)) from None
    print(f"Evaluating on {trained.dataset / trained.split}.")
    show(evaluate(trained.model.path, trained.dataset, trained.split), trained.split)
