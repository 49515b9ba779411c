"""Several models evaluated on the same tracks: their names, their rows in one table, and a page about them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from auralflow.backends import load_separator, training_history
from auralflow.report import Excerpts, write_page
from auralflow.report.excerpts import SECONDS
from auralflow.report.players import SMALL
from auralflow_core.console.progress import duration, progress_bar
from auralflow_core.console.text import count
from auralflow_core.data.check import Checked, check_tracks
from auralflow_core.data.targets import expand_targets
from auralflow_core.data.track import Track
from auralflow_core.errors import NO_ROOM, InputError, sentence
from auralflow_core.evaluation.dataset import evaluate_tracks
from auralflow_core.evaluation.table import BASELINES, Row
from auralflow_core.evaluation.track import FramewiseMetric
from auralflow_core.model_folder import display_name, find_model
from auralflow_core.separation.separator import Separator
from auralflow_core.storage.temp_arrays import Allocate

ALONE = "model"  # the name of a single model's rows
RESERVED = {*BASELINES, "ideal mask", "reference"}  # names next to the models' on the page
INTRO = "Scored on {tracks} of the split {split} of {dataset}, {length} in all."
LISTEN = (
    "{seconds:g} seconds of each target in {tracks}, from where it is heard together with the others, as mp3 of "
    "{bitrate} kbit/s. The versions play together; the buttons or the keys 1, 2, 3 switch between them."
)


class EvaluatedModel(NamedTuple):
    """A model that is evaluated.

    Attributes:
        name: of its rows, unlike any other model's.
        path: its folder.
        separator: the loaded model.
    """

    name: str
    path: Path
    separator: Separator

    def __repr__(self) -> str:
        return f"EvaluatedModel({self.name!r}, {str(self.path)!r}, {self.separator!r})"


def load_models(models: Iterable[str | Path], backend: str) -> list[EvaluatedModel]:
    """Loads all models.

    Args:
        models: folders, or pretrained models' names.
        backend: the framework that runs them, one of `backends.BACKENDS`.

    Raises:
        InputError: a model is given twice or not trained.
        MissingPackage: the framework is not installed.
    """
    paths = [find_model(model) for model in models]
    return [
        EvaluatedModel(name, path, load_separator(path, backend))
        for name, path in zip(model_names(paths), paths, strict=True)
    ]


def fit_tracks(models: Sequence[EvaluatedModel], tracks: Sequence[Track]) -> Checked:
    """Checks that tracks have the targets of all models.

    Where a target cannot be made of the stems, as in pairs of a mixture and vocals for a model of the accompaniment,
    what the stems leave of the mixture is one more stem, if it has nothing to do with them.

    Args:
        models: from `load_models`.
        tracks: the tracks of the evaluation, all with the same stems.

    Returns:
        The tracks to use, and what there is to say about them and the others.

    Raises:
        InputError: the tracks lack a target, or a target is not the same sum of stems for all models.
    """
    checked = Checked(list(tracks))
    try:
        _check_sums(models, tracks)
    except InputError:
        targets = sorted({target for model in models for target in model.separator.targets})
        sources = {name: sum for model in models for name, sum in model.separator.config.dataset.sources.items()}
        checked = check_tracks(tracks, targets, sources)
        if not (checked.composition and checked.composition.remainder and checked.tracks):
            raise
        _check_sums(models, checked.tracks)
    return checked


def _check_sums(models: Sequence[EvaluatedModel], tracks: Sequence[Track]) -> None:
    """Raises an InputError unless the tracks have all targets, each the same sum of stems for all models."""
    sums: dict[str, tuple[str, tuple[str, ...]]] = {}
    for name, _, separator in models:
        parts = expand_targets(separator.targets, tracks[0].stems, separator.config.dataset.sources)
        for target, stems in parts.items():
            first, others = sums.setdefault(target, (name, stems))
            if set(stems) != set(others):
                raise InputError(
                    f"target {target!r} is {' + '.join(others)} in {first} but {' + '.join(stems)} in "
                    f"{name}; only targets of equal stems can be compared"
                )


def model_names(folders: Sequence[Path]) -> list[str]:
    """The names of models: `model` for a single one, otherwise the folders' names, or their paths if names are equal.

    Raises:
        InputError: a folder is given twice.
    """
    paths = [folder.resolve() for folder in folders]
    for folder, path in zip(folders, paths, strict=True):
        if paths.count(path) > 1:
            raise InputError(f"{folder}: is given twice; a model is compared with other models")
    names = [path.name for path in paths]
    if len(names) == 1:
        return [ALONE]
    return [str(path) if names.count(path.name) > 1 or path.name.lower() in RESERVED else path.name for path in paths]


def collect_excerpts(models: Sequence[EvaluatedModel], tracks: Sequence[Track], allocate: Allocate) -> Excerpts:
    """An empty collection of excerpts, for all targets of the models."""
    return Excerpts(tracks, {target for model in models for target in model.separator.targets}, allocate)


def evaluate_all(
    models: Sequence[EvaluatedModel],
    tracks: Sequence[Track],
    framewise: FramewiseMetric | None,
    excerpts: Excerpts | None,
    done: Callable[[EvaluatedModel, list[Row]], None] | None = None,
) -> tuple[list[Row], dict[str, list[str]], list[str]]:
    """Evaluates one model after the other.

    Args:
        models: from `load_models`.
        tracks: from `tracks.find_tracks`.
        framewise: a metric in addition to SI-SDR and SDR; see `backends.load_metric`.
        excerpts: collects excerpts to listen to; None: there will be no page.
        done: called with each model and its rows, when they are complete.

    Returns:
        The rows of all models, see `merge_rows`; the silent targets of each track that has some; and a sentence for
        each track that could not be evaluated.

    Raises:
        InputError: none of the tracks could be evaluated.
    """
    found: dict[str, list[Row]] = {}
    silent: dict[str, list[str]] = {}
    failures: dict[Path, str] = {}
    with progress_bar(2 * len(models) * sum(track.seconds for track in tracks), "s") as advance:
        for model in models:
            label = f"{model.name}: " if len(models) > 1 else ""
            visit = excerpts and partial(excerpts.add, model.name if label else "Estimate")
            rows = found[model.name] = []
            for track in tracks:
                if track.path in failures:
                    continue
                try:
                    scores, mute = evaluate_tracks(
                        [track],
                        model.separator,
                        framewise,
                        progress=lambda step, seconds, label=label: advance(label + step, seconds),
                        visit=visit,
                    )
                except (InputError, OSError) as error:
                    if getattr(error, "errno", 0) in NO_ROOM:
                        raise
                    failures[track.path] = _name_track(track, sentence(error))
                    continue
                rows += scores
                for name, targets in mute.items():
                    silent[name] = list(dict.fromkeys([*silent.get(name, ()), *targets]))
            if len(failures) == len(tracks):
                raise InputError("\n  ".join(failures.values()))
            if done:
                done(model, rows)
    return merge_rows(found), silent, list(failures.values())


def _name_track(track: Track, text: str) -> str:
    """A sentence about a track, which names it."""
    return text if str(track.path) in text else f"{track.path}: {text}"


def merge_rows(rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    """Joins the rows of several evaluations of the same tracks.

    Args:
        rows: by name of the model, from `evaluate_tracks`.

    Returns:
        For each track and target: a row of each model that has the target, under the model's name, then one row of
        the mixture and one of the ideal mask. Where models have different targets, BSSEval's other sources, and so
        its SIR and SAR, may differ among them; those of the mixture and the mask are then the first model's.
    """
    tracks = list(dict.fromkeys(row["track"] for found in rows.values() for row in found))
    places: dict[tuple, dict[str, Row]] = {}
    for name, found in rows.items():
        for row in found:
            label = name if row["estimate"] == ALONE else row["estimate"]
            places.setdefault((row["track"], row["target"]), {}).setdefault(label, {**row, "estimate": label})
    order = sorted(places, key=lambda place: tracks.index(place[0]))  # targets keep their order
    return [
        estimates[name]
        for place in order
        for estimates in [places[place]]
        for name in (*rows, *BASELINES)
        if name in estimates
    ]


def write_report(
    path: Path,
    models: Sequence[EvaluatedModel],
    tracks: Sequence[Track],
    facts: Mapping[str, str],
    rows: Sequence[Row],
    silent: Mapping[str, Sequence[str]],
    failures: Sequence[str],
    excerpts: Excerpts,
) -> None:
    """Writes the page about an evaluation.

    Args:
        path: of the HTML file.
        models: from `load_models`.
        tracks: the tracks of the evaluation.
        facts: name -> value, the dataset's name and the split among them.
        rows: of all models, and their summary.
        silent: the targets of tracks that have no scores.
        failures: a sentence for each track that could not be evaluated.
        excerpts: the excerpts to listen to.

    Raises:
        InputError: an estimate holds NaN or infinity.
    """
    length = duration(sum(track.seconds for track in tracks))
    parts = [INTRO.format(tracks=count(len(tracks), "track"), length=length, **facts)]
    if silent:
        mute = "; ".join(f"{', '.join(targets)} of {track}" for track, targets in silent.items())
        parts.append(f"Left out, silent: {mute}.")
    if failures:
        parts.append(f"Not evaluated: {'; '.join(failures)}.")
    examples = excerpts.examples()
    if examples:
        among = "" if len(excerpts.tracks) == len(tracks) else f", evenly chosen from {len(tracks)}"
        parts.append(
            LISTEN.format(seconds=SECONDS, tracks=count(len(excerpts.tracks), "track") + among, bitrate=SMALL.bitrate)
        )
    names = {display_name(model.path) if model.name == ALONE else model.name: model for model in models}
    notes = {name: _describe(model.separator) for name, model in names.items()} | dict(facts)
    histories = {name: training_history(model.path) for name, model in names.items() if model.path.is_dir()}
    write_page(path, f"Evaluation of {', '.join(names)}", "\n\n".join(parts), examples, rows, histories, notes, SMALL)


def _describe(separator: Separator) -> str:
    model = separator.config.model
    return f"{type(model).__name__}, {', '.join(separator.targets)}, {model.sample_rate} Hz, " + (
        "mono" if model.num_channels == 1 else "stereo"
    )
