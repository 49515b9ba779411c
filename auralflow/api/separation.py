"""From files to files: what `auralflow separate` and `auralflow evaluate` do, as functions of the same arguments."""

import dataclasses
import os
from collections.abc import Iterable
from pathlib import Path

from auralflow.backends import load_separator
from auralflow_core.audio.encode import Encoding
from auralflow_core.errors import InputError
from auralflow.measures import check_metrics
from auralflow.pretrained import find_model
from auralflow_core.evaluation.table import Row, aggregate
from auralflow_core.storage.temp_arrays import in_files
from auralflow_core.separation.separator import OVERLAP, Options
from auralflow_core.data.inputs import find_sources
from auralflow_core.separation.stems import FILENAME, Output, Report, separate_files
from auralflow_core.console.progress import progress_bar
from auralflow_core.data.tracks import find_tracks


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


def separate(
    model: str | Path, inputs: str | Path | Iterable[str | Path], save: str | Path = "separated", *,
    filename: str = FILENAME, overwrite: bool = False, residual: bool = False, format: str = "wav",
    bits: int | None = None, bitrate: int | None = None, clip: str | None = None, start: float = 0.0,
    duration: float | None = None, overlap: float | None = None, shifts: int = 1, wiener: int = 0,
    consistency: bool = False, backend: str = "jax", targets: Iterable[str] = (),
) -> Report:
    """Separates audio files into files of stems, with a progress bar on a terminal.

    Args:
        model: a model folder, or a ready model's name.
        inputs: audio files, folders of them, or tracks' folders with a mixture in them; or a single one.
        save: the folder for everything.
        filename: of each stem in it: a template with the fields track, stem, ext and folder.
        overwrite: replace files that are there already.
        residual: also write what the stems leave of the mixture.
        format: wav, flac, ogg or mp3.
        bits: see `encoding.Encoding`, as for the next two.
        bitrate: of mp3 and ogg, in kbit/s.
        clip: what happens beyond full scale.
        start: the second to begin at.
        duration: seconds to separate. Default: to the end.
        overlap: share of a segment that is cross-faded into the next, in [0, 0.5]. Default: `separation.OVERLAP`.
        shifts: see `separation.Options`, as for the next two.
        wiener: iterations of a Wiener filter.
        consistency: divide what the targets leave of the mixture among them.
        backend: the framework that runs the model, one of `backends.BACKENDS`.
        targets: see `separation.choose_targets`. Default: all of the model's.

    Returns:
        What happened. A file that cannot be read or written as asked is one of its `failures` and does not stop the
        others.

    Raises:
        InputError: an argument that cannot be, or none of the files could be separated.
        MissingPackage: the framework is not installed.

    Example:
        separate("my_model", "song.mp3", residual=True, duration=90)
    """
    output = Output(Path(save), filename, Encoding(format, bits, bitrate, clip), residual, overwrite,
                    tuple(targets))
    options = Options(OVERLAP if overlap is None else overlap, shifts=shifts, wiener=wiener, consistency=consistency)
    # All files are looked at before the model is loaded, which takes seconds.
    inputs = [inputs] if isinstance(inputs, str | os.PathLike) else inputs
    sources, problems = find_sources(inputs, start, duration)
    separator = load_separator(find_model(model), backend)
    with progress_bar(sum(source.seconds for source in sources), "s") as advance:
        report = separate_files(sources, separator, output, options, advance)
    report.failures[:0] = problems
    if report.failures and not report.separated:
        raise InputError("\n  ".join(report.failures))
    return report


def evaluate(model: str | Path, dataset: str | Path, split: str = "test", metrics: str = "bss_eval",
             backend: str = "jax", compare: str | Path | Iterable[str | Path] = (), report: bool = True) -> Evaluation:
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
    from auralflow.api.comparison import evaluate_all, load_contenders, merge_rows, write_report
    from auralflow.report import Excerpts

    check_metrics(metrics)
    tracks = find_tracks(dataset, split)
    compare = [compare] if isinstance(compare, str | os.PathLike) else compare
    contenders = load_contenders([model, *compare], backend, tracks)
    folder = contenders[0].folder
    if metrics == "bss_eval":
        from auralflow_jax.compilation_cache import enable_cache

        enable_cache()
    with in_files() as allocate:
        excerpts = Excerpts(tracks, {target for contender in contenders for target in contender.separator.targets},
                            allocate) if report else None
        found, silent = evaluate_all(contenders, tracks, metrics, excerpts)
        rows = merge_rows(found)
        everything = aggregate(rows)
        if excerpts:
            facts = {"dataset": Path(dataset).resolve().name, "split": split, "metrics": metrics}
            write_report(folder.report, contenders, tracks, facts, everything, silent, excerpts)
    return Evaluation(rows, everything[len(rows):], silent, len(tracks), folder.evaluation,
                      tuple(other.folder.evaluation for other in contenders[1:]), folder.report if report else None)
