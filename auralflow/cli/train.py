"""`auralflow train`: trains a model, or continues its training."""

import argparse

from auralflow.cli.arguments import add_model, training_interrupts
from auralflow_core.console.parser import Parser


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
    parser.hint = _setting
    parser.add_argument(
        "--lora_rank", metavar="N", help="with --from: train adapters of this rank, and leave the weights as they are"
    )
    parser.add_argument("--lora_alpha", metavar="ALPHA", help="alpha / N is the factor of adapters (default: N)")


def _setting(flag: str) -> str | None:
    """The command that changes a setting before the training, for a flag of its name or of its meaning."""
    from auralflow_core.config.reference import leaves

    for leaf in leaves():
        meaning = leaf.meaning.partition(";")[0].replace(" ", "_")
        if flag in (f"--{leaf.name}", f"--{meaning}"):
            return f"`auralflow config MODEL --{leaf.name} VALUE`, which changes this setting before the training"
    return None


def run(arguments: argparse.Namespace) -> None:
    """Trains a model."""
    from auralflow.api.configure import configure_adapters, configure_like
    from auralflow.backends import train
    from auralflow_core.model_folder import find_model
    from auralflow_jax.train.sharding import initialize

    start_from = [find_model(other) for other in arguments.start_from]
    adapters = {"lora_rank": arguments.lora_rank, "lora_alpha": arguments.lora_alpha}
    if len(start_from) == 1 and (folder := configure_like(arguments.model, start_from[0], adapters)):
        print(f"Wrote {folder.config_file}, with the settings of {arguments.start_from[0]}.")
    configure_adapters(arguments.model, arguments.lora_rank, arguments.lora_alpha, arguments.restart)
    initialize()
    with training_interrupts():
        train(arguments.model, arguments.datasets, arguments.restart, start_from)
