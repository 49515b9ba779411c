"""The record of a run that checkpoints hold next to the weights: its history and its losses."""

import time
from typing import Any

import msgspec

from auralflow_core.config.parsing import message_of
from auralflow_core.errors import InputError
from auralflow_core.storage.json_files import check_plain
from auralflow_core.structs import convert


class Epoch(msgspec.Struct):
    """The entries of an epoch that decide how a run goes on; an entry of the history has others, too."""

    valid_loss: float
    epoch: int
    step: int


class Record(msgspec.Struct):
    """The least that a record holds."""

    history: list[Epoch]
    losses: list[float] = []


def speed_since(started: float, samples: int) -> dict[str, float]:
    """The entries of an epoch about its speed: `samples_per_second`, and the `seconds` that its steps took.

    Args:
        started: the value of `time.monotonic()` before the first step.
        samples: number of examples that the steps saw.
    """
    seconds = time.monotonic() - started
    return {"samples_per_second": round(samples / max(seconds, 1e-9), 3), "seconds": round(seconds, 3)}


def check_record(record: Any, origin: str) -> dict:
    """Checks the record of a run that was read from a file.

    Args:
        record: a dict of `history`, one dict for every epoch with `epoch`, `step` and `valid_loss`, and `losses`,
            those of the steps since the end of the last one.
        origin: the file, for messages.

    Returns:
        The record as it is.

    Raises:
        InputError: an entry is missing, of another type, or not finite.

    Example:
        >>> check_record({"history": [{"epoch": 1, "valid_loss": "low"}], "losses": []}, "last.pt")
        Traceback (most recent call last):
        auralflow_core.errors.InputError: last.pt: history[0].valid_loss: expected `float`, got 'low'
    """
    check_plain(record, origin)
    try:
        convert(record, Record)
    except msgspec.ValidationError as error:
        settings = record if isinstance(record, dict) else {}
        raise InputError(f"{origin}: {message_of(error, settings)}") from None
    return record
