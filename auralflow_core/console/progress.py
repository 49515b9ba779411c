"""Progress of long work on a terminal: a bar with the time left, durations."""

import contextlib
from collections.abc import Callable, Iterator

from rich import progress as bars
from rich.console import Console

from auralflow_core.console.interrupts import check
from auralflow_core.console.text import printable


@contextlib.contextmanager
def progress_bar(
    total: float, unit: str, console: Console | None = None, name: str = ""
) -> Iterator[Callable[[str, float], None]]:
    """Shows a bar while the block runs, if the output is a terminal.

    Args:
        total: of the whole work, in units.
        unit: name of what is counted, in the plural.
        console: where to; default: standard output.
        name: of what happens before the first part, such as loading a model, in which the time left is not known.

    Yields:
        A function of the name of the part under way and the number of its units that are done. The units of a new
        part are added to those of the parts before. It raises KeyboardInterrupt if the process was asked to end.
    """
    console = console or Console()
    columns = (
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(),
        bars.TextColumn("{task.completed:.0f}/{task.total:.0f} " + unit),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(printable(name), total=total, start=not name)
        done: dict[str, float] = {}

        def advance(name: str, units: float) -> None:
            check()
            if not bar.tasks[0].started:
                bar.start_task(task)
            done[name] = units
            bar.update(task, description=printable(name), completed=sum(done.values()))

        yield advance


def duration(seconds: float) -> str:
    """Seconds as `1:02:03` or `2:03`.

    Example:
        >>> duration(3723.4)
        '1:02:03'
    """
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
