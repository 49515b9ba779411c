"""`auralflow listening-test`: ranks models by the ratings of listeners."""

import argparse
import sys
from typing import TYPE_CHECKING

from auralflow.cli.arguments import print_table
from auralflow_core.console.parser import Parser
from auralflow_core.console.text import count, printable, printable_lines

if TYPE_CHECKING:
    from rich.table import Table

    from auralflow.listening.ranks import Ranking
    from auralflow.listening.statistics import Interval


def add_arguments(parser: Parser) -> None:
    """Adds the sub-command's arguments."""
    parser.add_argument("action", choices=("results",), help="rank the models by what listeners sent back")
    parser.add_argument(
        "files", metavar="FILE", nargs="+", help="files that the page of `auralflow evaluate --listening_test` saved"
    )
    parser.add_argument("--csv", dest="save_csv", metavar="FILE", help="write the ranks as a table too")
    parser.add_argument("--json", dest="save_json", metavar="FILE", help="write all results as JSON too")


def run(arguments: argparse.Namespace) -> int:
    """Ranks models; returns 1 if some files, or all listeners, could not be counted."""
    from auralflow.api.listening import listening_results

    ranking, problems = listening_results(arguments.files, arguments.save_csv, arguments.save_json)
    show(ranking)
    for path in filter(None, (arguments.save_csv, arguments.save_json)):
        print(f"Wrote {path}.")
    if problems:
        total = len(problems) + len(ranking.listeners) + len(ranking.excluded)
        print(f"auralflow: {len(problems)} of {count(total, 'file')} not counted:", file=sys.stderr)
        print(*(f"  {printable_lines(problem)}" for problem in problems), sep="\n", file=sys.stderr)
    return 1 if problems or not ranking.listeners else 0


def show(ranking: "Ranking") -> None:
    """Prints the ranks, the comparisons, and who was excluded."""
    if ranking.ranks:
        print_table(ranks_table(ranking))
    if ranking.comparisons:
        print_table(comparisons_table(ranking))
    for name, missed in ranking.excluded:
        print(
            f"Excluded: {printable(name)}, who rated the hidden reference below 90 on {missed} of "
            f"{count(ranking.pages, 'page')}."
        )
    counted = ", ".join(map(printable, ranking.listeners))
    print(f"Counted {count(len(ranking.listeners), 'listener')}{f': {counted}' if counted else ''}.")


def ranks_table(ranking: "Ranking") -> "Table":
    """The ranks, best first, for each target."""
    result = _table("Ratings, 0 to 100, with 95 % intervals", ("target", "rank", "system", "mean", "median", "ratings"))
    for row in ranking.ranks:
        numbers = (_interval(row.mean), _interval(row.median), str(row.ratings))
        result.add_row(*_texts(row.target, str(row.place), row.name, *numbers))
    return result


def comparisons_table(ranking: "Ranking") -> "Table":
    """Pairs of systems, with p values that are corrected for their number."""
    result = _table("Paired t-tests, Holm's correction", ("target", "system", "than", "higher by", "p"))
    for item in ranking.comparisons:
        p = "–" if item.p != item.p else "< 0.001" if item.p < 0.001 else f"{item.p:.3f}"
        result.add_row(*_texts(item.target, item.first, item.second, _interval(item.difference), p))
    return result


def _table(title: str, columns: tuple[str, ...]) -> "Table":
    from rich.table import Table

    result = Table(title=title, box=None, padding=(0, 2, 0, 0))
    for name in columns:
        is_name = name in ("target", "system", "than")
        result.add_column(
            name, justify="left" if is_name else "right", overflow="fold", min_width=5, no_wrap=not is_name
        )
    return result


def _texts(*cells: str) -> list:
    from rich.text import Text

    return [Text(printable(cell)) for cell in cells]  # no markup, whatever brackets a name has


def _interval(interval: "Interval") -> str:
    value, low, high = interval
    return f"{value:.1f}" if low != low else f"{value:.1f} [{low:.1f}, {high:.1f}]"
