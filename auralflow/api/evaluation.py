"""Evaluation of one or several models on a dataset: scores, a table and a page."""

import contextlib
import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from auralflow.api.paths import listed
from auralflow.api.results import EVALUATED, Results, about, results_folder
from auralflow.backends import load_metric
from auralflow_core.console.text import count
from auralflow_core.data.track import Track
from auralflow_core.data.tracks import faulty_tracks, scan_tracks
from auralflow_core.errors import InputError
from auralflow_core.evaluation.stem_files import StemFiles
from auralflow_core.evaluation.table import Row, aggregate, write_csv
from auralflow_core.model_folder import display_name
from auralflow_core.storage.claims import claiming
from auralflow_core.storage.temp_arrays import in_files

if TYPE_CHECKING:
    from auralflow.api.comparison import EvaluatedModel


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The outcome of `evaluate`.

    Attributes:
        rows: scores of each track, target and estimate; several models stand side by side under their names.
        summary: means and medians of the scores over the tracks.
        silent: the silent targets, which have no scores, of each track that has some.
        tracks: the number of tracks.
        file: the table with all of the model's rows; of several models in one folder, with all of theirs.
        others: the tables of the models that it was compared with, where they are in other folders.
        page: a page with excerpts to listen to; None if none was asked for.
        failures: a sentence for each track that could not be evaluated.
        moved: folders that results about something else were moved into, as these would have replaced them.
        notes: sentences about stems that the tracks lack and that were made of their mixtures, and about other
            programs' stems that were made to fit.
        listening_test: the page for listeners; None if none was asked for.
    """

    rows: list[Row]
    summary: list[Row]
    silent: dict[str, list[str]]
    tracks: int
    file: Path
    others: tuple[Path, ...] = ()
    page: Path | None = None
    failures: tuple[str, ...] = ()
    moved: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    listening_test: Path | None = None

    def __repr__(self) -> str:
        return (
            f"Evaluation({count(self.tracks, 'track')}, {len(self.failures)} failed, "
            f"{count(len(self.rows), 'row')}, {str(self.file)!r})"
        )


def evaluate(
    model: str | Path | None,
    dataset: str | Path,
    split: str = "test",
    metrics: str = "bss_eval",
    backend: str = "jax",
    compare: str | Path | Iterable[str | Path] = (),
    report: bool = True,
    save: str | Path | None = None,
    estimates: str | Path | Iterable[str | Path] = (),
    listening_test: str | Path | None = None,
) -> Evaluation:
    """Scores a model, or other programs' stems, on tracks whose stems are known, and writes the results.

    They are a table, evaluation.csv, and a page, report.html.

    Results of another evaluation in the same folder, with another split for example, are moved into its
    `earlier-evaluations`.

    Args:
        model: a model folder, a pretrained model's name, or the JSON of an ensemble; None: only `estimates`.
        dataset: a folder with `<split>/<track>/<stem>.wav`.
        split: the split whose tracks are separated.
        metrics: one of `backends.METRICS`.
        backend: the framework that runs the model, one of `backends.BACKENDS`.
        compare: other models, evaluated on the same tracks; each gets an evaluation.csv in its folder.
        report: also write report.html, a page about all models with excerpts to listen to.
        save: a folder for the page and one table of all models. Default: the model's folder; `evaluated/<name>` for a
            pretrained model, an ensemble or stems.
        estimates: folders `<track>/<stem>.wav`, which any program wrote, to score in addition to the models.
        listening_test: an HTML file to write, in which listeners rate all models; see docs/listening-tests.md.

    Raises:
        InputError: the split has no tracks, a model is not trained, the tracks lack a target, none of them could be
            evaluated, nothing can be written into a folder, or another evaluation writes into it.
        MissingPackage: the framework, or a package that the metrics need, is not installed.

    Example:
        evaluation = evaluate("my_model", "musdb18", metrics="sdr")
    """
    from auralflow.api import comparison, listening, page  # here, as separation should not wait for matplotlib

    framewise, facts = load_metric(metrics), _facts(dataset, split, metrics)
    tracks, unread = _find_tracks(Path(dataset), split)
    models = comparison.load_models([*listed(model), *listed(compare)], backend, listed(estimates), split)
    tracks, unread, notes = _fit_tracks(models, tracks, unread)
    listening.check_place(listening_test, len(models))
    places = _open_results(models, dataset, split, metrics, report, save)
    write_own = (lambda model, rows: _write_table(places[model.name], aggregate(rows))) if save is None else None
    with in_files() as allocate, _claimed(places.values()):
        excerpts = comparison.collect_excerpts(models, tracks, allocate) if report or listening_test else None
        rows, silent, failures = comparison.evaluate_all(models, tracks, framewise, excerpts, write_own)
        scores, unread = aggregate(rows), [*unread, *failures]
        first, *others = dict.fromkeys(places.values())
        if save is not None:
            _write_table(first, scores)
        if excerpts and report:
            page.write_report(first.page, models, tracks, facts, scores, silent, unread, excerpts)
        if excerpts and listening_test:
            notes += listening.write_listening_test(listening_test, models, excerpts)
    tables = tuple(other.table for other in others)
    moved = tuple(place.moved for place in (first, *others) if place.moved)
    own_page, own_test = first.page if report else None, Path(listening_test) if listening_test else None
    done, means = len(tracks) - len(failures), scores[len(rows) :]
    return Evaluation(
        rows, means, silent, done, first.table, tables, own_page, tuple(unread), moved, tuple(notes), own_test
    )


def _facts(dataset: str | Path, split: str, metrics: str) -> dict[str, str]:
    """The facts about an evaluation that its page shows."""
    return {"dataset": Path(dataset).resolve().name, "split": split, "metrics": metrics}


def _find_tracks(dataset: Path, split: str) -> tuple[list[Track], list[str]]:
    """The tracks of a split that can be read, and a sentence for each of the others."""
    scan = scan_tracks(dataset, split)
    if not scan.tracks:
        raise faulty_tracks(dataset / split, scan.problems)
    return scan.tracks, ["; ".join(lines) for lines in scan.problems.values()]


def _fit_tracks(
    models: Sequence["EvaluatedModel"], tracks: Sequence[Track], unread: Sequence[str]
) -> tuple[list[Track], list[str], list[str]]:
    """The tracks with the stems that the models need, sentences for the others, and notes about stems."""
    from auralflow.api.comparison import fit_stems, fit_tracks

    read = fit_stems(models, tracks)
    fitting = fit_tracks(models, read.tracks)
    faults = [*read.problems.values(), *fitting.problems.values()]
    return fitting.tracks, [*unread, *("; ".join(lines) for lines in faults)], [*read.notes, *fitting.notes]


def _open_results(
    models: Sequence["EvaluatedModel"],
    dataset: str | Path,
    split: str,
    metrics: str,
    report: bool,
    save: str | Path | None,
) -> dict[str, Results]:
    """The folder for each model's results, of which the first gets the page; with `save` it is one for all."""
    paths = [model.path for model in models]
    if save is not None:
        return dict.fromkeys((model.name for model in models), Results(save, about(paths, dataset, split, metrics)))
    folders = [_folder(model).resolve() for model in models]
    if twice := next((model for model, folder in zip(models, folders, strict=True) if folders.count(folder) > 1), None):
        raise InputError(
            f"{_folder(twice)}: would get the results of several models of this name; --save names a folder for all"
        )
    shown = [paths if report else paths[:1], *([path] for path in paths[1:])]  # in each folder
    return {
        model.name: Results(_folder(model), about(models_there, dataset, split, metrics))
        for model, models_there in zip(models, shown, strict=True)
    }


def _claimed(places: Iterable[Results]) -> contextlib.ExitStack:
    """Keeps other evaluations out of the folders for results, until it is closed."""
    with contextlib.ExitStack() as stack:
        for place in dict.fromkeys(places):
            stack.enter_context(claiming(place.path, [place.table.name]))
        return stack.pop_all()


def _folder(model: "EvaluatedModel") -> Path:
    """The folder for the results of a model, or of another program's stems, into whose folder nothing is written."""
    is_stems = isinstance(model.separator, StemFiles)
    return Path(EVALUATED, display_name(model.path)) if is_stems else results_folder(model.path)


def _write_table(results: Results, rows: list[Row]) -> None:
    """Writes evaluation.csv, once results about something else are out of its way."""
    results.claim()
    write_csv(results.table, rows)
