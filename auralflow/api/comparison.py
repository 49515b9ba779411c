"""Several models evaluated on the same tracks: their names, and their rows in one table."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from auralflow.backends import load_separator
from auralflow.report import Excerpts
from auralflow_core.console.progress import progress_bar
from auralflow_core.data.check import Checked, check_tracks
from auralflow_core.data.targets import expand_targets
from auralflow_core.data.track import Track
from auralflow_core.errors import NO_ROOM, InputError, sentence
from auralflow_core.evaluation.dataset import evaluate_tracks, sources_of
from auralflow_core.evaluation.stem_files import StemFiles
from auralflow_core.evaluation.table import BASELINES, Row
from auralflow_core.evaluation.track import FramewiseMetric
from auralflow_core.model_folder import find_model
from auralflow_core.separation.separator import Separator
from auralflow_core.storage.temp_arrays import Allocate

ALONE = "model"  # the name of a single model's rows
RESERVED = {*BASELINES, "ideal mask", "reference", "low-pass anchor"}  # names next to the models' on pages


class EvaluatedModel(NamedTuple):
    """A model that is evaluated, or a folder with the stems that another program made.

    Attributes:
        name: of its rows, unlike any other model's.
        path: its folder.
        separator: the loaded model, or the stems.
    """

    name: str
    path: Path
    separator: Separator | StemFiles

    def __repr__(self) -> str:
        return f"EvaluatedModel({self.name!r}, {str(self.path)!r}, {self.separator!r})"


def load_models(
    models: Iterable[str | Path], backend: str, estimates: Iterable[str | Path] = (), split: str = "test"
) -> list[EvaluatedModel]:
    """Loads all models, and finds the stems of other programs.

    Args:
        models: folders, pretrained models' names, or the JSON of ensembles.
        backend: the framework that runs them, one of `backends.BACKENDS`.
        estimates: folders of stems; see `StemFiles`.
        split: the name of the split.

    Raises:
        InputError: a model is given twice or not trained; there is none, and no folder of stems; or such a folder
            holds none.
        MissingPackage: the framework is not installed.
    """
    paths, folders = [find_model(model) for model in models], [Path(folder) for folder in estimates]
    if not paths + folders:
        raise InputError("evaluate needs a model, or a folder of stems (--estimates); neither is given")
    stems = [StemFiles(folder, split) for folder in folders]  # before the models, which take seconds
    separators = [*(load_separator(path, backend) for path in paths), *stems]
    names = model_names([*paths, *folders])
    return [EvaluatedModel(*parts) for parts in zip(names, [*paths, *folders], separators, strict=True)]


def fit_stems(models: Sequence[EvaluatedModel], tracks: Sequence[Track]) -> Checked:
    """Checks that folders of stems have estimates of all tracks.

    Args:
        models: from `load_models`.
        tracks: the tracks of the evaluation, all with the same stems.

    Returns:
        The tracks that have estimates in all of the folders; what there is to say about the others, and about the
        files.

    Raises:
        InputError: a folder has estimates of none of the tracks.
    """
    checked = Checked(list(tracks))
    known = [*tracks[0].stems, *["accompaniment"] * ("vocals" in tracks[0].stems)]
    for _, _, stems in models:
        if isinstance(stems, StemFiles):
            for path, faults in stems.fit(tracks, known).items():
                checked.problems.setdefault(path, []).extend(faults)
            checked.notes.extend(stems.notes)
    kept = [track for track in tracks if track.path not in checked.problems]
    if not kept:
        raise InputError("\n  ".join(fault for faults in checked.problems.values() for fault in faults))
    checked.tracks = kept
    return checked


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
        sources = {name: sum for model in models for name, sum in sources_of(model.separator).items()}
        checked = check_tracks(tracks, targets, sources)
        if not (checked.composition and checked.composition.remainder and checked.tracks):
            raise
        _check_sums(models, checked.tracks)
    return checked


def _check_sums(models: Sequence[EvaluatedModel], tracks: Sequence[Track]) -> None:
    """Raises an InputError unless the tracks have all targets, each the same sum of stems for all models."""
    sums: dict[str, tuple[str, tuple[str, ...]]] = {}
    for name, _, separator in models:
        parts = expand_targets(separator.targets, tracks[0].stems, sources_of(separator))
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
