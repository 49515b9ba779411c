"""Evaluation of a model on a dataset: figures, a table and a page."""

import dataclasses
import os
from collections.abc import Iterable
from pathlib import Path

from auralflow_core.data.tracks import find_tracks
from auralflow_core.evaluation.metrics import check_metrics
from auralflow_core.evaluation.table import Row, aggregate
from auralflow_core.storage.temp_arrays import in_files


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What `evaluate` measured.

    Attributes:
        rows: figures of each track, target and estimate; of several models, side by side under their names.
        summary: their means and medians over the tracks.
        silent: the silent targets, which have no figures, of each track that has some.
        tracks: how many there are.
        file: the table with all of the model's rows.
        others: the tables of the models that it was compared with.
        page: to look at and to listen to, if it was asked for.
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
    """Measures how good a model is on songs whose stems are known; writes the model folder's evaluation.csv.

    Args:
        model: a model folder, or a ready model's name.
        dataset: a folder with `<split>/<track>/<stem>.wav`.
        split: which tracks.
        metrics: one of `measures.METRICS`.
        backend: the framework that runs the model, one of `backends.BACKENDS`.
        compare: other models, evaluated on the same tracks; each gets an evaluation.csv of its own.
        report: also write the model folder's report.html, a page about all of them with excerpts to listen to.

    Raises:
        InputError: there are no such tracks, no trained model, or the tracks lack a target.
        MissingPackage: the framework, or what the metrics need, is not installed.

    Example:
        evaluation = evaluate("my_model", "musdb18", metrics="sdr")
    """
    # Matplotlib, which the page is drawn with, is nothing that separation should wait for.
    from auralflow.api.comparison import evaluate_all, load_models, merge_rows, write_report
    from auralflow.report import Excerpts

    check_metrics(metrics)
    tracks = find_tracks(dataset, split)
    compare = [compare] if isinstance(compare, str | os.PathLike) else compare
    contenders = load_models([model, *compare], backend, tracks)
    folder = contenders[0].folder
    if metrics == "bss_eval":
        from auralflow_jax.compilation_cache import enable_cache

        enable_cache()
    with in_files() as allocate:
        excerpts = (
            Excerpts(tracks, {target for contender in contenders for target in contender.separator.targets}, allocate)
            if report
            else None
        )
        found, silent = evaluate_all(contenders, tracks, metrics, excerpts)
        rows = merge_rows(found)
        everything = aggregate(rows)
        if excerpts:
            facts = {"dataset": Path(dataset).resolve().name, "split": split, "metrics": metrics}
            write_report(folder.report, contenders, tracks, facts, everything, silent, excerpts)
    return Evaluation(
        rows,
        everything[len(rows) :],
        silent,
        len(tracks),
        folder.evaluation,
        tuple(other.folder.evaluation for other in contenders[1:]),
        folder.report if report else None,
    )
