"""What the sub-commands of `auralflow` do with their arguments. Each imports what it needs, frameworks above all."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from auralflow_core.errors import InputError
from auralflow_core.console.exit_status import terminable

if TYPE_CHECKING:
    from rich.table import Table

    from auralflow.api.separation import Evaluation

WIDE = 120  # columns of a table that no terminal shows
FEW = 12  # tracks whose rows a table on the terminal still shows


def config(arguments: argparse.Namespace) -> None:
    """Makes or edits a model folder."""
    from rich.console import Console

    from auralflow.cli.config import configure, differences, leaves, tables

    given = {leaf: vars(arguments)[leaf.name] for leaf in leaves() if leaf.name in arguments}
    changes = {leaf.name: ",".join(part.rstrip(",") for part in value) if leaf.is_list else value
               for leaf, value in given.items()}
    folder, before, after = configure(
        Path(arguments.save) / arguments.model, arguments.model_type, arguments.name, changes,
        arguments.preset)
    if before is None:
        print(f"Wrote {folder.config_file} ({type(after.model).__name__}).")
    elif lines := list(differences(before, after)):
        print(f"Changed {folder.config_file}:", *lines, sep="\n  ")
    else:
        print(f"{folder.config_file}: nothing to change.")
    if arguments.display:
        for table in tables(after):
            Console().print(table, "")


def songs(arguments: argparse.Namespace) -> None:
    """Generates a dataset."""
    from auralflow.songs import make_songs
    from auralflow_core.console.progress import progress_bar

    directory = Path(arguments.directory)
    if directory.is_dir() and any(directory.iterdir()):
        raise InputError(f"{directory}: is not empty; a new or empty folder is expected")
    with progress_bar(arguments.tracks, "songs") as advance:
        folders = make_songs(directory, arguments.tracks, arguments.seconds, arguments.seed, sound=arguments.sound,
                             soundfont=arguments.soundfont, progress=lambda done, total: advance("", done))
    splits = [folder.parent.name for folder in folders]
    counts = ", ".join(f"{splits.count(split)} {split}" for split in dict.fromkeys(splits))
    print(f"Wrote {len(folders)} songs of {arguments.seconds:g} s to {directory} ({counts}).")


def train(arguments: argparse.Namespace) -> None:
    """Trains a model."""
    from auralflow.cli.config import configure_like
    from auralflow.pretrained import find_model
    from auralflow_jax.compilation_cache import enable_cache
    from auralflow_jax.train.sharding import initialize
    from auralflow_jax.train.monitor import Interrupted
    from auralflow_jax.train.run import train

    start_from = [find_model(other) for other in arguments.start_from]
    if len(start_from) == 1 and (folder := configure_like(arguments.model, start_from[0])):
        print(f"Wrote {folder.config_file}, with the settings of {arguments.start_from[0]}.")
    initialize()
    enable_cache()
    try:
        train(arguments.model, arguments.datasets, arguments.restart, start_from)
    except Interrupted as stop:
        raise KeyboardInterrupt(str(stop)) from None


@terminable()
def separate(arguments: argparse.Namespace) -> int:
    """Separates files into stems; 1 if some of them could not be."""
    from auralflow.api import separation as pipelines
    from auralflow.pretrained import choose_model

    model, inputs = choose_model(arguments.model, arguments.inputs, arguments.targets)
    report = pipelines.separate(**_settings(arguments) | {"model": model, "inputs": inputs})
    print(*report.notes, sep="\n", end="\n" if report.notes else "")
    print(f"Separated {report.audio:.1f} s of audio in {report.seconds:.1f} s "
          f"({report.audio / report.seconds:.1f} x real time); the stems are in {arguments.save}.")
    if failures := report.failures:
        print(f"auralflow: {len(failures)} of {len(failures) + report.separated} could not be separated:", *failures,
              sep="\n  ", file=sys.stderr)
    return 1 if failures else 0


@terminable()
def evaluate(arguments: argparse.Namespace) -> None:
    """Evaluates a model on a split."""
    from auralflow.api import separation as pipelines

    _show(pipelines.evaluate(**_settings(arguments)), arguments.split)


def _show(evaluation: "Evaluation", split: str) -> None:
    """Prints what an evaluation of a split found."""
    from auralflow_core.evaluation.table import table

    if evaluation.rows:
        few = evaluation.tracks <= FEW
        _print_table(table([*evaluation.rows, *evaluation.summary] if few else evaluation.summary))
    for track, mute in evaluation.silent.items():
        print(f"Left out, silent: {', '.join(mute)} of {track}.")
    count = "1 track" if evaluation.tracks == 1 else f"{evaluation.tracks} tracks"
    print(f"Wrote {', '.join(map(str, [evaluation.file, *evaluation.others]))}: {count} of {split}.")
    if evaluation.page:
        print(f"Open {evaluation.page.resolve()} in a browser.")


def pretrained(arguments: argparse.Namespace) -> None:
    """Lists ready models, or makes one's folder."""
    from auralflow.pretrained import get_model
    from auralflow.cli.pretrained import table

    if arguments.action == "list":
        _print_table(table())
    elif arguments.name is None:
        raise InputError("pretrained get needs a name; `auralflow pretrained list` shows them")
    else:
        folder = get_model(arguments.name, arguments.save, arguments.file, arguments.offline, arguments.high_bins)
        print(f"{arguments.name} is in {folder}.")


def convert(arguments: argparse.Namespace) -> int:
    """Hands its arguments to the bridge."""
    from bridge.cli import main

    return main(arguments.rest, prog="auralflow convert")


def recipe(arguments: argparse.Namespace) -> None:
    """Lists recipes, or makes songs and a model by one."""
    from auralflow.recipes import cook, read_recipe, recipes

    if arguments.name is None:
        print(*(f"{name}: {read_recipe(name)[0].about}" for name in recipes()), sep="\n")
        return
    if arguments.directory is None:
        raise InputError(f"recipe {arguments.name}: where to is missing; a new folder is expected")
    from auralflow.api.separation import evaluate
    from auralflow_jax.train.monitor import Interrupted

    try:
        trained = cook(arguments.name, arguments.directory, arguments.real, arguments.restart)
    except Interrupted as stop:
        raise KeyboardInterrupt(str(stop)) from None
    print(f"Evaluating on {trained.dataset / trained.split}.")
    _show(evaluate(trained.model.path, trained.dataset, trained.split), trained.split)


def demo(arguments: argparse.Namespace) -> None:
    """Shows everything, from songs to a page."""
    from auralflow.demo import run_demo
    from auralflow_jax.train.monitor import Interrupted

    try:
        page = run_demo(arguments.directory, restart=arguments.restart)
    except Interrupted as stop:
        raise KeyboardInterrupt(str(stop)) from None
    print(f"Open {page.resolve()} in a browser.")


def _print_table(table: "Table") -> None:
    from rich.console import Console

    console = Console()
    # Into a file or a pipe there is no width to keep to.
    console = console if console.is_terminal else Console(width=WIDE)
    console.print(table)


def _settings(arguments: argparse.Namespace) -> dict:
    """A sub-command's arguments by name."""
    return {name: value for name, value in vars(arguments).items() if name != "run"}
