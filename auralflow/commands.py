"""What the sub-commands of `auralflow` do with their arguments. Each imports what it needs, frameworks above all."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from auralflow.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table

WIDE = 120  # columns of a table that no terminal shows
FEW = 12  # tracks whose rows a table on the terminal still shows


def config(arguments: argparse.Namespace) -> None:
    """Makes or edits a model folder."""
    from rich.console import Console

    from auralflow.editing import configure, differences, leaves, tables

    given = {leaf: vars(arguments)[leaf.name] for leaf in leaves() if leaf.name in arguments}
    changes = {leaf.name: ",".join(part.rstrip(",") for part in value) if leaf.is_list else value
               for leaf, value in given.items()}
    folder, before, after = configure(
        Path(arguments.save) / arguments.model, arguments.model_type, arguments.name, changes)
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
    from auralflow.terminal import progress_bar

    directory = Path(arguments.directory)
    if directory.is_dir() and any(directory.iterdir()):
        raise InputError(f"{directory}: is not empty; a new or empty folder is expected")
    with progress_bar(arguments.tracks, "songs") as advance:
        folders = make_songs(directory, arguments.tracks, arguments.seconds, arguments.seed,
                             progress=lambda done, total: advance("", done))
    splits = [folder.parent.name for folder in folders]
    counts = ", ".join(f"{splits.count(split)} {split}" for split in dict.fromkeys(splits))
    print(f"Wrote {len(folders)} songs of {arguments.seconds:g} s to {directory} ({counts}).")


def train(arguments: argparse.Namespace) -> None:
    """Trains a model."""
    from auralflow.editing import configure_like
    from auralflow.pretrained import find_model
    from auralflow_jax.compilation import enable_cache
    from auralflow_jax.hosts import initialize
    from auralflow_jax.monitor import Interrupted
    from auralflow_jax.train import train

    start_from = arguments.start_from and find_model(arguments.start_from)
    if start_from and (folder := configure_like(arguments.model, start_from)):
        print(f"Wrote {folder.config_file}, with the settings of {arguments.start_from}.")
    initialize()
    enable_cache()
    try:
        train(arguments.model, arguments.dataset, arguments.restart, start_from)
    except Interrupted as stop:
        raise KeyboardInterrupt(str(stop)) from None


def separate(arguments: argparse.Namespace) -> int:
    """Separates files into stems; 1 if some of them could not be."""
    from auralflow.backends import load_separator
    from auralflow.encoding import Encoding
    from auralflow.pretrained import choose_model, find_model
    from auralflow.separation import OVERLAP, Options
    from auralflow.sources import find_sources
    from auralflow.stems import Output, separate_files
    from auralflow.terminal import progress_bar

    encoding = Encoding(arguments.format, arguments.bits, arguments.bitrate, arguments.clip)
    output = Output(Path(arguments.save), arguments.filename, encoding, arguments.residual, arguments.overwrite)
    overlap = OVERLAP if arguments.overlap is None else arguments.overlap
    options = Options(overlap, shifts=arguments.shifts, wiener=arguments.wiener, consistency=arguments.consistency)
    # All files are looked at before the model is loaded, which takes seconds.
    model, inputs = choose_model(arguments.model, arguments.inputs)
    sources, problems = find_sources(inputs, arguments.start, arguments.duration)
    separator = load_separator(find_model(model), arguments.backend)
    with progress_bar(sum(source.seconds for source in sources), "s") as advance:
        report = separate_files(sources, separator, output, options, advance)
    print(*report.notes, sep="\n", end="\n" if report.notes else "")
    failures, count = [*problems, *report.failures], len(sources) + len(problems)
    if failures and not report.audio:
        raise InputError("\n  ".join(failures))
    print(f"Separated {report.audio:.1f} s of audio in {report.seconds:.1f} s "
          f"({report.audio / report.seconds:.1f} x real time); the stems are in {arguments.save}.")
    if failures:
        print(f"auralflow: {len(failures)} of {count} could not be separated:", *failures, sep="\n  ", file=sys.stderr)
    return 1 if failures else 0


def evaluate(arguments: argparse.Namespace) -> None:
    """Evaluates a model on a split."""
    from auralflow.assessment import evaluate_tracks
    from auralflow.backends import load_separator
    from auralflow.folder import ModelFolder
    from auralflow.measures import check_metrics
    from auralflow.pretrained import find_model
    from auralflow.scores import aggregate, table, write_csv
    from auralflow.terminal import progress_bar
    from auralflow.tracks import find_tracks

    check_metrics(arguments.metrics)
    tracks = find_tracks(arguments.dataset, arguments.split)
    folder = ModelFolder(find_model(arguments.model))
    separator = load_separator(folder.path, arguments.backend)
    if arguments.metrics == "bss_eval":
        from auralflow_jax.compilation import enable_cache

        enable_cache()
    with progress_bar(2 * sum(track.seconds for track in tracks), "s") as advance:
        rows, silent = evaluate_tracks(tracks, separator, arguments.metrics, advance)
    everything = aggregate(rows)
    write_csv(folder.evaluation, everything)
    if rows:
        _print_table(table(everything if len(tracks) <= FEW else everything[len(rows):]))
    for track, mute in silent.items():
        print(f"Left out, silent: {', '.join(mute)} of {track}.")
    count = "1 track" if len(tracks) == 1 else f"{len(tracks)} tracks"
    print(f"Wrote {folder.evaluation}: {count} of {arguments.split}.")


def pretrained(arguments: argparse.Namespace) -> None:
    """Lists ready models, or makes one's folder."""
    from auralflow.pretrained import get_model
    from auralflow.pretrained.listing import table

    if arguments.action == "list":
        _print_table(table())
    elif arguments.name is None:
        raise InputError("pretrained get needs a name; `auralflow pretrained list` shows them")
    else:
        folder = get_model(arguments.name, arguments.save, arguments.file, arguments.offline)
        print(f"{arguments.name} is in {folder}.")


def convert(arguments: argparse.Namespace) -> int:
    """Hands its arguments to the bridge."""
    from bridge.cli import main

    return main(arguments.rest, prog="auralflow convert")


def demo(arguments: argparse.Namespace) -> None:
    """Shows everything, from songs to a page."""
    from auralflow.demo import run_demo
    from auralflow_jax.monitor import Interrupted

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
