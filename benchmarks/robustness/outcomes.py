"""The outcome of a command: its exit status, and whatever is wrong with how it ended."""

import contextlib
import io
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

LONGEST = 1500  # characters of a message
KEPT = (".lock",)  # hidden files that are meant to stay


@dataclass
class Outcome:
    """How a command ended.

    Attributes:
        label: the command, in a word or two.
        status: its exit status; None if it did not return.
        message: what it wrote to standard error.
        faults: whatever is wrong, one line each; none is as it should be.
    """

    label: str
    status: int | None = None
    message: str = ""
    faults: list[str] = field(default_factory=list)


def run(label: str, command: Callable[[], int | None], folder: Path) -> Outcome:
    """Runs a command and checks how it ends: one sentence that names a file, and nothing half-written.

    Args:
        label: see `Outcome`.
        command: returns the exit status, None for 0.
        folder: holds all that the command reads and writes.
    """
    outcome, errors = Outcome(label), io.StringIO()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
            outcome.status = command() or 0
    except BaseException as error:  # a traceback, whatever it is
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(last.filename).name}:{last.lineno}"
        outcome.faults.append(f"traceback: {type(error).__name__} at {place}: {str(error)[:200]!r}")
        return outcome
    outcome.message = errors.getvalue()
    if outcome.status not in (0, 1, 2):
        outcome.faults.append(f"exit status {outcome.status}")
    if outcome.status:
        sentence = outcome.message.strip()
        if not (is_sentence(sentence) or is_list(sentence)):
            outcome.faults.append(f"not one sentence: {sentence[:200]!r}")
        elif str(folder) not in sentence:
            outcome.faults.append(f"names no file: {sentence[:200]!r}")
    outcome.faults += [f"half-written: {path.name}" for path in leftovers(folder)]
    return outcome


def is_sentence(message: str) -> bool:
    """Whether a message is one line about an error."""
    return "\n" not in message and len(message) <= LONGEST and ": error: " in message


def is_list(message: str) -> bool:
    """Whether a message is a heading and a line for each of several inputs at fault."""
    heading, *lines = message.splitlines() or [""]
    told = all(line.startswith("  ") and len(line) <= LONGEST for line in lines)
    return bool(lines) and told and (heading.endswith(":") or is_sentence(heading))


def leftovers(folder: Path) -> list[Path]:
    """Temporary files and folders that a command has left."""
    return [
        path
        for path in folder.rglob("*")
        if (path.name.startswith(".") and path.name not in KEPT) or "orbax-checkpoint-tmp" in path.name
    ]
