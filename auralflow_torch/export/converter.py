"""Converters of other projects: their remarks, and the networks that they refuse."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator

from auralflow_core.errors import InputError


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps a converter's remarks about itself from the terminal."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    streams = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
    try:
        with warnings.catch_warnings(), streams[0], streams[1]:
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def converting(converter: str) -> Iterator[None]:
    """Runs a converter, quietly.

    Args:
        converter: its name.

    Raises:
        InputError: it refuses the network; the message has its reason.
    """
    try:
        with quiet():
            yield
    except (InputError, ImportError, MemoryError, OSError):
        raise
    except Exception as error:  # converters' own share no base
        reason = str(error).strip().partition("\n")[0][:300]
        raise InputError(f"{converter} does not take this network: {type(error).__name__}: {reason}") from error
