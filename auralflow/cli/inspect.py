"""`auralflow inspect`: finds what is wrong with a dataset."""

import argparse
import shlex
from typing import TYPE_CHECKING

from auralflow.cli.arguments import print_table, settings
from auralflow_core.console.parser import Parser
from auralflow_core.console.text import count, printable, printable_lines

if TYPE_CHECKING:
    from rich.table import Table

    from auralflow.inspection.dataset import Inspection


def add_arguments(parser: Parser) -> None:
    """Adds the sub-command's arguments."""
    parser.add_argument("dataset", metavar="DATASET", help="folder with <split>/<track>/<stem>.wav")
    parser.add_argument("--model", help="a model folder, whose settings are compared with the tracks")
    parser.add_argument(
        "--save",
        metavar="DIR",
        help="folder for the page and the list of tracks to leave out (default: inspected/NAME)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Inspects a dataset; returns 1 if tracks should be left out of training."""
    from auralflow.api.inspection import inspect

    inspection, page, exclude = inspect(**settings(arguments))
    if any(item.findings for item in inspection.tracks):
        print_table(table(inspection))
    for note in inspection.notes:
        print(printable_lines(note))
    known = f" ({inspection.remembered} known from before)" if inspection.remembered else ""
    out = inspection.exclude
    print(f"Inspected {count(len(inspection.tracks), 'track')}{known}, {len(out) or 'none'} to leave out.")
    print(f"Wrote {page} and {exclude}.")
    if out:
        model = shlex.quote(str(arguments.model or "MODEL"))
        print(f'To leave them out: auralflow config {model} --exclude "$(cat {shlex.quote(str(exclude))})"')
    return 1 if out else 0


def table(inspection: "Inspection") -> "Table":
    """The tracks with findings, a line for each finding; those that are not fit for training are marked."""
    from rich.table import Table
    from rich.text import Text

    result = Table(box=None, padding=(0, 1, 0, 0))
    result.add_column("track", overflow="fold", min_width=5)
    result.add_column("finding", overflow="fold")
    for item in inspection.tracks:
        for place, finding in enumerate(sorted(item.findings, key=lambda finding: not finding.leave_out)):
            name = printable(item.label) if place == 0 else ""
            mark = "leave out: " if finding.leave_out else ""
            result.add_row(Text(name), Text(mark + printable_lines(finding.text)))
    return result
