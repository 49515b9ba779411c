"""The folder that an evaluation is written into, and the way of an earlier one that it would replace."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from auralflow_core.errors import NO_ROOM, InputError
from auralflow_core.hub.remote import repository_of
from auralflow_core.model_folder import ModelFolder, display_name, read_json
from auralflow_core.storage.aside import move_aside
from auralflow_core.storage.atomic import replacing
from auralflow_core.storage.cache import cache_folder
from auralflow_core.storage.staging import staging

EVALUATED = "evaluated"  # the folder for models whose own folder is no place for results


class Results:
    """A folder with a table, a page and a record of what was evaluated.

    Args:
        path: the folder; it need not exist.
        about: what is evaluated, as plain data. Results about something else are moved aside, not replaced.

    Attributes:
        table, page, record: its files.
        moved: the folder that results about something else were moved into, if any were.

    Raises:
        InputError: nothing can be written there.
    """

    def __init__(self, path: str | Path, about: dict[str, Any]):
        self.path, self.about = Path(path), about
        self.moved: Path | None = None
        files = ModelFolder(path)
        self.table, self.page, self.record = files.evaluation, files.report, files.evaluation_record
        check_writable(self.path)

    def claim(self) -> None:
        """Makes room for new results; those about something else are moved."""
        found = [path for path in (self.table, self.page, self.record) if os.path.lexists(path)]
        if found and not self._is_same():
            self.moved = move_aside(found, self.path / "earlier-evaluations")
        with replacing(self.record) as file:
            file.write_text(json.dumps(self.about, indent=2) + "\n", encoding="utf-8")

    def _is_same(self) -> bool:
        try:
            return read_json(self.record) == self.about
        except InputError:  # missing, as in the folders of earlier versions
            return False


def check_writable(folder: Path) -> None:
    """Refuses a folder for results before the work begins.

    Raises:
        InputError: nothing can be written there.
        OSError: the disk is full or read-only.
    """
    try:
        with staging(folder):
            pass
    except OSError as error:
        if error.errno in NO_ROOM:
            raise
        raise InputError(
            f"{folder}: the results cannot be written there ({error.strerror}); --save names another folder"
        ) from None


def results_folder(model: Path) -> Path:
    """The folder for the results of a model: its own, or one in `evaluated` for a file or a model in a cache."""
    is_cached = model.resolve().is_relative_to(cache_folder("models").resolve()) or repository_of(model) is not None
    return Path(EVALUATED, display_name(model)) if is_cached or not model.is_dir() else model


def about(models: Iterable[Path], dataset: str | Path, split: str, metrics: str) -> dict[str, Any]:
    """The properties that tell an evaluation from others, as plain data."""
    return {
        "models": [os.path.realpath(model) for model in models],
        "dataset": os.path.realpath(dataset),
        "split": split,
        "metrics": metrics,
    }
