"""`auralflow train`: trains a model, or continues its training."""

import argparse

from auralflow.cli.arguments import add_model, training_interrupts
from auralflow_core.config.reference import leaves
from auralflow_core.console.parser import Parser

TEXT = "Train a model; an earlier run of the same folder is continued."


def add_arguments(parser: Parser) -> None:
    """Adds the sub-command's arguments."""
    add_model(parser)
    parser.add_argument(
        "datasets",
        metavar="DATASET",
        nargs="+",
        help="folder with train/<track>/<stem>.wav, and valid/; of several, dataset.shares says how "
        "often each is drawn from",
    )
    parser.add_argument("--restart", action="store_true", help="move the earlier run aside and start over")
    parser.add_argument(
        "--from",
        dest="start_from",
        metavar="OTHER",
        action="append",
        default=[],
        help="start from another model's weights: its folder, or a pretrained model's name; a new MODEL gets "
        "its settings; twice for a HybridNet: one model for each of its branches; targets that OTHER lacks start fresh",
    )
    for leaf in leaves():
        hint = f"`auralflow config MODEL --{leaf.name} VALUE`, which changes this setting before the training"
        name = leaf.meaning.partition(";")[0].replace(" ", "_")
        parser.hints |= {f"--{leaf.name}": hint, f"--{name}": hint}
    parser.add_argument(
        "--lora_rank", metavar="N", help="with --from: train adapters of this rank, and leave the weights as they are"
    )
    parser.add_argument("--lora_alpha", metavar="ALPHA", help="alpha / N is the factor of adapters (default: N)")


def run(arguments: argparse.Namespace) -> None:
    """Trains a model."""
    from auralflow.api.configure import configure_adapters, configure_like
    from auralflow.backends import train
    from auralflow_core.model_folder import find_model
    from auralflow_jax.train.sharding import initialize

    start_from = [find_model(other) for other in arguments.start_from]
    if len(start_from) == 1 and (folder := configure_like(arguments.model, start_from[0])):
        print(f"Wrote {folder.config_file}, with the settings of {arguments.start_from[0]}.")
    configure_adapters(arguments.model, arguments.lora_rank, arguments.lora_alpha, arguments.restart)
    initialize()
    with training_interrupts():
        train(arguments.model, arguments.datasets, arguments.restart, start_from)
