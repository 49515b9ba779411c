"""Listening tests: the page that is sent to listeners, and the ranks that their files make."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from auralflow.api.comparison import ALONE, EvaluatedModel
from auralflow.api.paths import listed
from auralflow.listening.page import write_test
from auralflow.listening.ranks import Ranking, rank_systems
from auralflow.listening.results import read_sessions
from auralflow.listening.stimuli import check_count, make_trial
from auralflow.report import Excerpts
from auralflow_core.errors import NO_ROOM, InputError
from auralflow_core.model_folder import display_name
from auralflow_core.storage.atomic import replacing
from auralflow_core.storage.json_files import write_json
from auralflow_core.storage.staging import staging

COLUMNS: tuple[str, ...] = ("target", "rank", "system", "kind", "ratings")
COLUMNS += ("mean", "mean_low", "mean_high", "median", "median_low", "median_high")


def check_place(path: str | Path | None, models: int) -> None:
    """Refuses a listening test before the models run.

    Args:
        path: of the HTML file; None: there will be none.
        models: the number of models that listeners would hear.

    Raises:
        InputError: the name does not end in .html, nothing can be written there, or there are too many models.
    """
    if path is None:
        return
    if Path(path).suffix.lower() not in (".html", ".htm") or Path(path).is_dir():
        raise InputError(f"{path}: a listening test is one HTML file, expected a name such as listening-test.html")
    check_count(models)
    try:
        with staging(Path(path).parent):
            pass
    except OSError as error:
        if error.errno in NO_ROOM:
            raise
        raise InputError(f"{path}: cannot be written ({error.strerror}); expected a file in another folder") from None


def write_listening_test(path: str | Path, models: Sequence[EvaluatedModel], excerpts: Excerpts) -> list[str]:
    """Writes the page of a listening test, one HTML file.

    Args:
        path: of the file.
        models: from `load_models`, whose estimates are among the excerpts.
        excerpts: collected while they were evaluated.

    Returns:
        A sentence about excerpts that the page had no room for, if there are some.

    Raises:
        InputError: all targets are silent, or an estimate holds NaN or infinity.
    """
    systems = {"Estimate" if model.name == ALONE else model.name: _name(model) for model in models}
    trials = [make_trial(example, systems) for example in excerpts.examples()]
    number, size = write_test(path, trials)
    left = "" if number == len(trials) else f"{path}: has {number} of {len(trials)} excerpts, so that it can be sent"
    return [f"{left} ({size / 1e6:.0f} MB)"] if left else []


def _name(model: EvaluatedModel) -> str:
    return display_name(model.path) if model.name == ALONE else model.name


def listening_results(
    files: str | Path | Iterable[str | Path], save_csv: str | Path | None = None, save_json: str | Path | None = None
) -> tuple[Ranking, list[str]]:
    """Ranks the models of a listening test by the files that its listeners sent back.

    Args:
        files: the files.
        save_csv: a table to write, with a row for each target and system.
        save_json: a file to write, with all that is known.

    Returns:
        The ranks; and a sentence for each file that could not be counted.

    Raises:
        InputError: none of the files can be counted.

    Example:
        ranking, problems = listening_results(["ann.json", "ben.json"])
        ranking.ranks[0].name
    """
    sessions, problems = read_sessions(listed(files))
    if not sessions:
        raise InputError("\n  ".join(problems) or "there are no files with results of a listening test")
    ranking = rank_systems(sessions)
    if save_csv is not None:
        with replacing(save_csv) as aside, open(aside, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(as_rows(ranking))
    if save_json is not None:
        write_json(save_json, _as_json(ranking, problems))
    return ranking, problems


def as_rows(ranking: Ranking) -> list[dict[str, Any]]:
    """The ranks under `COLUMNS`; None where one listener leaves no interval."""
    rows = []
    for target, place, name, kind, mean, median, ratings in ranking.ranks:
        values = [round(value, 4) if value == value else None for value in (*mean, *median)]
        rows.append(dict(zip(COLUMNS, (target, place, name, kind, ratings, *values), strict=True)))
    return rows


def _as_json(ranking: Ranking, problems: Sequence[str]) -> dict[str, Any]:
    comparisons = [
        {
            "target": item.target,
            "first": item.first,
            "second": item.second,
            **{
                name: round(value, 6) if value == value else None
                for name, value in zip(
                    ("difference", "difference_low", "difference_high", "p_holm"),
                    (*item.difference, item.p),
                    strict=True,
                )
            },
        }
        for item in ranking.comparisons
    ]
    return {
        "listeners": ranking.listeners,
        "excluded": [{"listener": name, "missed": missed} for name, missed in ranking.excluded],
        "pages": ranking.pages,
        "ranks": as_rows(ranking),
        "comparisons": comparisons,
        "not_counted": list(problems),
    }
