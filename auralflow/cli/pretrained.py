"""`auralflow pretrained`: lists pretrained models, or gets one."""

import argparse
from typing import TYPE_CHECKING

from auralflow.cli.arguments import print_table
from auralflow.pretrained import DEFAULTS, ENSEMBLE, PRETRAINED
from auralflow.pretrained.ensembles import ensembles
from auralflow.pretrained.measured import MIXTURE, SONG, VALIDATED, score_text
from auralflow_core.console.parser import Parser
from auralflow_core.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table


def add_arguments(parser: Parser) -> None:
    """Adds the sub-command's arguments."""
    parser.add_argument("action", choices=("list", "get"), help="list the pretrained models, or get one")
    parser.add_argument("name", metavar="NAME", nargs="?", help=f"one of {', '.join(PRETRAINED)}")
    parser.add_argument(
        "--save",
        metavar="DIR",
        help="a new folder for a copy; default: the user's cache, where the model's name finds it",
    )
    parser.add_argument(
        "--file",
        metavar="PATH",
        help="a local copy of the published file, or a folder that holds one, in place of fetching it",
    )
    parser.add_argument(
        "--settings",
        metavar="FILE.yaml",
        help="without NAME: the settings of a checkpoint that others trained, which --file names; default: the .yaml "
        "of the same name next to it",
    )
    parser.add_argument("--offline", action="store_true", help="fetch nothing")
    parser.add_argument(
        "--high_bins",
        metavar="VALUE",
        help="of the copy: the mask above the highest bin that the network sees: zeros, last, mean (default: zeros)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Lists the pretrained models, or makes the folder of one."""
    from auralflow.pretrained import get_model

    if arguments.action == "list":
        print_table(table())
    elif arguments.name is not None:
        if arguments.settings is not None:
            raise InputError(f"--settings belongs to a checkpoint of --file, and {arguments.name} brings its own")
        folder = get_model(arguments.name, arguments.save, arguments.file, arguments.offline, arguments.high_bins)
        print(f"{arguments.name} is in {folder}.")
    elif arguments.file is not None:
        _import(arguments)
    else:
        raise InputError(
            "pretrained get needs a name, which `auralflow pretrained list` shows, or a checkpoint that others "
            "trained: --file model.ckpt --settings model.yaml --save DIR"
        )


def _import(arguments: argparse.Namespace) -> None:
    """Makes the folder of a checkpoint that others trained."""
    from auralflow.pretrained import import_model
    from auralflow_core.model_folder import ModelFolder

    if arguments.high_bins is not None:
        raise InputError(
            f"--high_bins {arguments.high_bins} is no setting of a checkpoint, whose network sees all bins"
        )
    if arguments.save is None:
        raise InputError(f"{arguments.file}: the folder for its model is missing (--save)")
    folder = import_model(arguments.file, arguments.settings, arguments.save)
    targets = ", ".join(ModelFolder(folder).load_config().model.targets)
    print(f"The model is in {folder}; it separates {targets}.")


def table() -> "Table":
    """A table with a row for each pretrained model."""
    from rich.table import Table

    listed = Table(box=None, padding=(0, 2, 0, 0), caption=_caption(), caption_justify="left")
    for column in ("name", "targets", "size", "licence", "SI-SDR here", "published score"):
        listed.add_column(column, overflow="fold", no_wrap=column in ("name", "size"))
    for model in PRETRAINED.values():
        size = f"{model.megabytes:.0f} MB"
        here = score_text(model.name) or "not measured"
        listed.add_row(model.name, ", ".join(model.targets), size, model.licence, here, model.quality or "none")
    return listed


def _caption() -> str:
    """Says which scores in the table can be compared."""
    mixture = ", ".join(f"{target} {score:.1f}" for target, score in MIXTURE.items())
    return (
        f"SI-SDR here, in dB: of {SONG}, the same for all; the mixture itself has {mixture}. One song says little "
        f"about others, and this one validated the training of {', '.join(VALIDATED)}, which flatters it.\n"
        "Published scores are of other songs and by other measures: they compare neither with each other nor with "
        f"those here.\nWhere no model is named, {DEFAULTS[0]} separates, or {DEFAULTS[1]} for --targets that only it "
        f"has; {ENSEMBLE} for vocals together with these.\nEnsembles of these models: {', '.join(ensembles())}."
    )
