"""`auralflow evaluate`: scores a model on a dataset."""

import argparse
import sys
from typing import TYPE_CHECKING

from auralflow.backends import METRICS
from auralflow.cli.arguments import add_backend, print_table, settings
from auralflow_core.console.parser import Parser
from auralflow_core.console.text import count, printable

if TYPE_CHECKING:
    from auralflow.api.evaluation import Evaluation

FEW = 12  # largest number of tracks whose rows the terminal shows


def add_arguments(parser: Parser) -> None:
    """Adds the sub-command's arguments."""
    text = "a model folder, a pretrained model's name, or the JSON of an ensemble; with --estimates it can be left out"
    parser.add_argument("model", metavar="MODEL", nargs="?", help=text)
    parser.add_argument("dataset", metavar="DATASET", help="folder with <split>/<track>/<stem>.wav")
    parser.add_argument("--split", default="test", help="the split whose tracks are separated (default: %(default)s)")
    parser.add_argument(
        "--metrics",
        choices=METRICS,
        default="bss_eval",
        help="; ".join(f"{name}: {text}" for name, text in METRICS.items()) + " (default: %(default)s)",
    )
    parser.add_argument(
        "--compare",
        metavar="OTHER",
        nargs="+",
        default=(),
        help="models to evaluate on the same tracks, and to show next to MODEL",
    )
    parser.add_argument(
        "--estimates",
        metavar="DIR",
        action="append",
        default=[],
        help="score the stems that any program wrote as DIR/<track>/<stem>.wav, in addition to MODEL",
    )
    parser.add_argument(
        "--save",
        metavar="DIR",
        help="folder for the results (default: MODEL, or evaluated/NAME for a pretrained model, an ensemble or stems)",
    )
    parser.add_argument(
        "--no_report",
        dest="report",
        action="store_false",
        help="write no report.html, the page with excerpts to listen to",
    )
    parser.add_argument(
        "--listening_test", metavar="FILE", help="write an HTML page in which listeners rate the models"
    )
    add_backend(parser)


def run(arguments: argparse.Namespace) -> int:
    """Evaluates a model on a split; returns 1 if some tracks could not be evaluated."""
    from auralflow.api.evaluation import evaluate

    evaluation = evaluate(**settings(arguments))
    show(evaluation, arguments.split)
    if failures := evaluation.failures:
        summary = (
            f"auralflow: {len(failures)} of {count(len(failures) + evaluation.tracks, 'track')} could not be evaluated:"
        )
        print(summary, *map(printable, failures), sep="\n  ", file=sys.stderr)
    return 1 if failures else 0


def show(evaluation: "Evaluation", split: str) -> None:
    """Prints the outcome of an evaluation on a split."""
    from auralflow_core.evaluation.table import table, worse_than_mixture

    if evaluation.rows:
        few = evaluation.tracks <= FEW
        print_table(table([*evaluation.rows, *evaluation.summary] if few else evaluation.summary))
    means = [row for row in evaluation.summary if row["track"] == "mean"]
    for name, targets in worse_than_mixture(means or evaluation.rows).items():
        print(f"Worse than the mixture itself, by SI-SDR: {printable(', '.join(targets))} of {printable(name)}.")
    for track, mute in evaluation.silent.items():
        print(f"Left out, silent: {', '.join(mute)} of {printable(track)}.")
    for note in evaluation.notes:
        print(f"{printable(note)}.")
    for folder in evaluation.moved:
        print(f"An earlier evaluation, of something else, now lies in {folder}.")
    files = ", ".join(map(str, [evaluation.file, *evaluation.others]))
    print(f"Wrote {files}: {count(evaluation.tracks, 'track')} of {split}.")
    if evaluation.page:
        print(f"Open {evaluation.page.resolve()} in a browser.")
    if evaluation.listening_test:
        size = evaluation.listening_test.stat().st_size / 1e6
        print(f"Send {evaluation.listening_test} ({size:.1f} MB) to listeners.")
