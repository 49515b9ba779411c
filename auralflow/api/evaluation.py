"""Evaluation of one or several models on a dataset: scores, a table and a page."""

import dataclasses
import os
from collections.abc import Iterable
from pathlib import Path

from auralflow.backends import load_metric
from auralflow_core.data.tracks import find_tracks
from auralflow_core.evaluation.table import Row, aggregate
from auralflow_core.storage.temp_arrays import in_files


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The outcome of `evaluate`.

    Attributes:
        rows: scores of each track, target and estimate; several models stand side by side under their names.
        summary: means and medians of the scores over the tracks.
        silent: the silent targets, which have no scores, of each track that has some.
        tracks: the number of tracks.
        file: the table with all of the model's rows.
        others: the tables of the models that it was compared with.
        page: a page with excerpts to listen to; None if none was asked for.
    """

    rows: list[Row]
    summary: list[Row]
    silent: dict[str, list[str]]
    tracks: int
    file: Path
    others: tuple[Path, ...] = ()
    page: Path | None = None


def evaluate(
    model: str | Path,
    dataset: str | Path,
    split: str = "test",
    metrics: str = "bss_eval",
    backend: str = "jax",
    compare: str | Path | Iterable[str | Path] = (),
    report: bool = True,
) -> Evaluation:
    """Scores a model on tracks whose stems are known, and writes evaluation.csv into the model folder.

    Args:
        model: a model folder, or a pretrained model's name.
        dataset: a folder with `<split>/<track>/<stem>.wav`.
        split: the split whose tracks are separated.
        metrics: one of `backends.METRICS`.
        backend: the framework that runs the model, one of `backends.BACKENDS`.
        compare: other models, evaluated on the same tracks; each gets an evaluation.csv in its folder.
        report: also write report.html into the model folder, a page about all models with excerpts to listen to.

    Raises:
        InputError: the split has no tracks, a model is not trained, or the tracks lack a target.
        MissingPackage: the framework, or a package that the metrics need, is not installed.

    Example:
        evaluation = evaluate("my_model", "musdb18", metrics="sdr")
    """
    # Imported here, as separation should not wait for matplotlib, which draws the page.
    from auralflow.api.comparison import collect_excerpts, evaluate_all, load_models, merge_rows, write_report

    framewise = load_metric(metrics)
    tracks = find_tracks(dataset, split)
    compare = [compare] if isinstance(compare, str | os.PathLike) else compare
    models = load_models([model, *compare], backend, tracks)
    first, *others = [evaluated.folder for evaluated in models]
    with in_files() as allocate:
        excerpts = collect_excerpts(models, tracks, allocate) if report else None
        found, silent = evaluate_all(models, tracks, framewise, excerpts)
        rows = merge_rows(found)
        scores = aggregate(rows)
        if excerpts:
            facts = {"dataset": Path(dataset).resolve().name, "split": split, "metrics": metrics}
            write_report(first.report, models, tracks, facts, scores, silent, excerpts)
    summary, tables = scores[len(rows) :], tuple(other.evaluation for other in others)
    return Evaluation(rows, summary, silent, len(tracks), first.evaluation, tables, first.report if report else None)
