"""The kinds of errors: bad input, a missing package, training that cannot go on."""

import difflib
import errno
from collections.abc import Iterable, Sequence

# Numbers of OSErrors after which no other file can be written either: the disk is full or read-only. Our own OSErrors
# have no number: they report a file that could not be written completely.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, None)
LENGTH = 160  # characters of a value, or of a name, in a message


class InputError(ValueError):
    """Something that the user gave cannot be used.

    The message is one sentence that names the file or key, the value and what would be accepted; the
    command line prints it as it is and exits with status 2.
    """


class MissingPackage(ImportError):
    """A package that is needed is not installed.

    The message names it and what installs it; the command line treats it as an `InputError`.
    """


class TrainingError(RuntimeError):
    """Training cannot go on although its input was accepted.

    The message is one sentence; the command line prints it as it is and exits with status 1.
    """


class DivergedError(TrainingError):
    """A loss or a gradient is no longer finite.

    Attributes:
        step: optimizer steps up to and with the one where it was found, None where unknown.
        tracks: names of the tracks that the step's batch came from, sorted; empty where unknown.
        checkpoint: step (auralflow_jax) or epoch (auralflow_torch) of the last good checkpoint, None before the first.
    """

    def __init__(
        self, message: str, *, step: int | None = None, tracks: Sequence[str] = (), checkpoint: int | None = None
    ):
        super().__init__(message)
        self.step, self.tracks, self.checkpoint = step, tuple(tracks), checkpoint


class StorageError(TrainingError, OSError):
    """A checkpoint cannot be written, most often because the disk is full; the checkpoint before it remains.

    It is an `OSError` too, as a failed write is anywhere else in Python. `__cause__` is the original error.
    """


def closest(name: str, known: Iterable[str]) -> str:
    """Ends an error about an unknown `name`: the closest known name if one is near, then all of them."""
    known = sorted(known)
    near = difflib.get_close_matches(name[:LENGTH], known[:1000], n=1, cutoff=0.5)
    hint = f"did you mean '{brief(near[0])}'? " if near else ""
    return f"{hint}known: {brief(', '.join(map(brief, known)), 1000)}"


def shown(value: object, length: int = LENGTH) -> str:
    """A value that came in, as it stands in a message: its `repr`, without the middle where that is long."""
    try:
        return _cut(repr(value), length)
    except ValueError:  # an integer of more digits than Python converts
        return "an integer of thousands of digits"


def brief(text: str, length: int = LENGTH) -> str:
    """A name that came in, as it stands in a message: on one line, without the middle where it is long.

    Example:
        >>> brief("a" * 1000 + "b", 9)
        'aaa...aab'
    """
    return _cut("".join(mark if mark.isprintable() else ascii(mark)[1:-1] for mark in text), length)


def printable(text: str) -> str:
    """A file's name as Unicode text, which need not be any: other bytes are escaped."""
    return text.encode(errors="backslashreplace").decode()


def _cut(text: str, length: int) -> str:
    half = (length - 3) // 2
    return text if len(text) <= length else f"{text[:half]}...{text[-half:]}"


def sentence(error: Exception) -> str:
    """An error as one sentence for the terminal; one from the operating system names its file."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)
