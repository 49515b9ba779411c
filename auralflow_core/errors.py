"""What is raised when the input, not the program, is at fault."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message is one sentence that names the file or key, the value and what would be accepted; the
    command line prints it as it is and exits with status 2.
    """


class MissingPackage(ImportError):
    """A package is needed that is not installed.

    The message names it and what installs it; the command line treats it as an `InputError`.
    """


def closest(name: str, known: Iterable[str]) -> str:
    """Ends an error about an unknown `name`: the closest known name if one is near, then all of them."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return f"{hint}known: {', '.join(known)}"


def sentence(error: Exception) -> str:
    """What went wrong, in words, for an input error or one of the operating system."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)
