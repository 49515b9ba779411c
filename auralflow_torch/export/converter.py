"""Converters of other projects: their remarks, what they change in the process, and the networks that they refuse."""

import contextlib
import io
import logging
import sys
import warnings
from collections.abc import Iterator

from auralflow_core.errors import InputError


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps a converter's remarks about itself from the terminal."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    remarks = io.StringIO()
    try:
        with warnings.catch_warnings(), _same_loggers(remarks):
            with contextlib.redirect_stdout(remarks), contextlib.redirect_stderr(remarks):
                warnings.simplefilter("ignore")
                yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def _same_loggers(remarks: io.StringIO) -> Iterator[None]:
    """Gives loggers back their levels and handlers.

    LiteRT's converter takes torch's handlers away, and ExecuTorch gives the root logger one, whenever they are
    imported or used.

    Args:
        remarks: takes the place of `sys.stderr` meanwhile; handlers that are made with it get `sys.stderr` afterwards.
    """
    before = {logger: (logger.level, logger.propagate, [*logger.handlers]) for logger in _loggers()}
    try:
        yield
    finally:
        for logger in _loggers():
            if logger in before:
                level, logger.propagate, logger.handlers = before[logger]
                logger.setLevel(level)
            for handler in logger.handlers:
                if isinstance(handler, logging.StreamHandler) and handler.stream is remarks:
                    handler.setStream(sys.stderr)


def _loggers() -> list[logging.Logger]:
    known = [*logging.root.manager.loggerDict.values()]
    return [logging.root, *(logger for logger in known if isinstance(logger, logging.Logger))]


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


@contextlib.contextmanager
def default_jax() -> Iterator[None]:
    """Lets a converter compute with jax by the defaults of jax, and with 64 bits; the rules of before come back.

    LiteRT's converter turns 64 bits on for the whole process as soon as it is imported.
    """
    import jax

    before = _global_rules()
    try:
        with jax.enable_x64(True), jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
            yield
    finally:
        for name, value in _global_rules().items():
            if name in before and value != before[name]:
                jax.config.update(name, before[name])


def _global_rules() -> dict[str, object]:
    """The settings of jax for the whole process; a thread of its own has none that hold within a `with` alone."""
    from concurrent.futures import ThreadPoolExecutor

    import jax

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: dict(jax.config.values)).result()
