"""Renames of several files that happen together: a record of them lets the next process finish what one began.

A staging folder holds the files `new-0`, `new-1`, ..., and the record says which names they get in the folder above.
Files that have such names already are kept as `old-0`, ... until all new ones are in place.
"""

import contextlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from auralflow_core.errors import InputError
from auralflow_core.storage.inside import inside

RECORD = "renames.json"


def rename_together(staged: Path, names: Sequence[str], stale: Sequence[str] = ()) -> None:
    """Gives all new files of a staging folder their names, or none of them.

    Args:
        staged: the folder.
        names: of the files `new-0`, ..., below the folder above.
        stale: names of files there that are removed afterwards, if they exist.

    Raises:
        OSError: a file cannot be renamed; all files are then as before.
    """
    _write(staged, {"forward": True, "names": list(names), "stale": list(stale)})
    finish(staged)


def finish(staged: Path) -> None:
    """Carries out the renames that a staging folder's record asks for, or the rest of them; without a record none.

    Raises:
        OSError: a file cannot be renamed; all files are then as before.
    """
    try:
        record = json.loads((staged / RECORD).read_text(encoding="utf-8"))
        paths = [inside(staged.parent, name) for name in record["names"]]
        stale = [inside(staged.parent, name) for name in record["stale"]]
        forward = record["forward"]
    except (FileNotFoundError, ValueError, KeyError, TypeError, RecursionError, InputError):  # none, or not ours
        return
    if forward:
        try:
            _advance(staged, paths)
        except BaseException:
            _write(staged, record | {"forward": False})
            _undo(staged, paths)
            raise
        for path in stale:
            path.unlink(missing_ok=True)
    else:
        _undo(staged, paths)
    (staged / RECORD).unlink()


def _advance(staged: Path, paths: Sequence[Path]) -> None:
    for place, path in enumerate(paths):
        new, old = staged / f"new-{place}", staged / f"old-{place}"
        if not new.exists():
            continue  # it has its name
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.replace(path, old)
        os.replace(new, path)


def _undo(staged: Path, paths: Sequence[Path]) -> None:
    for place, path in enumerate(paths):
        new, old = staged / f"new-{place}", staged / f"old-{place}"
        if not new.exists():  # it has its name, and gives it back
            with contextlib.suppress(FileNotFoundError):
                os.replace(path, new)
        if old.exists():
            os.replace(old, path)


def _write(staged: Path, record: dict) -> None:
    aside = staged / "record"
    aside.write_text(json.dumps(record), encoding="utf-8")
    os.replace(aside, staged / RECORD)
