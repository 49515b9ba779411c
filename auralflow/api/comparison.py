"""Several models, evaluated on the same tracks: their names, their rows in one table, and a page about them."""

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from auralflow.backends import load_separator
from auralflow.pretrained import find_model
from auralflow.report import Excerpts, write_page
from auralflow.report.excerpts import SECONDS
from auralflow.report.players import SMALL
from auralflow_core.console.progress import duration, progress_bar
from auralflow_core.data.targets import expand_targets
from auralflow_core.data.track import Track
from auralflow_core.errors import InputError
from auralflow_core.evaluation.dataset import evaluate_tracks
from auralflow_core.evaluation.table import BASELINES, Row, aggregate, write_csv
from auralflow_core.model_folder import ModelFolder
from auralflow_core.separation.separator import Separator

ALONE = "model"  # what a single model's rows are called
RESERVED = {*BASELINES, "ideal mask", "truth"}  # what stands beside the models on the page
INTRO = "Scored on {tracks} of the split {split} of {dataset}, {length} in all."
LISTEN = (
    "To listen to: the loudest {seconds:g} seconds of each target in {tracks}, as mp3 of {bitrate} kbit/s. "
    "Switch between the versions while they play, by the buttons or the keys 1, 2, 3: they run side by side."
)


class EvaluatedModel(NamedTuple):
    """A model that is evaluated.

    Attributes:
        name: of its rows, one of its own.
        folder: where its figures go.
        separator: the model itself.
    """

    name: str
    folder: ModelFolder
    separator: Separator


def load_models(models: Iterable[str | os.PathLike], backend: str, tracks: Sequence[Track]) -> list[EvaluatedModel]:
    """Loads all models before the work on any of them begins.

    Args:
        models: folders, or ready models' names.
        backend: the framework that runs them, one of `backends.BACKENDS`.
        tracks: what they will be evaluated on.

    Raises:
        InputError: a model that is given twice or not trained, targets that the tracks do not have, or one that is
            not the same sum of stems for all models.
        MissingPackage: the framework is not installed.
    """
    folders = [ModelFolder(find_model(model)) for model in models]
    names = model_names([folder.path for folder in folders])
    contenders = [
        EvaluatedModel(name, folder, load_separator(folder.path, backend))
        for name, folder in zip(names, folders, strict=True)
    ]
    sums: dict[str, tuple[str, tuple[str, ...]]] = {}
    for name, _, separator in contenders:
        parts = expand_targets(separator.targets, tracks[0].stems, separator.config.dataset.sources)
        for target, stems in parts.items():
            first, others = sums.setdefault(target, (name, stems))
            if set(stems) != set(others):
                raise InputError(
                    f"target {target!r} is {' + '.join(others)} in {first} but {' + '.join(stems)} in "
                    f"{name}; models are compared by targets that are the same"
                )
    return contenders


def model_names(folders: Sequence[Path]) -> list[str]:
    """What models are called: a single one `model`, several by their folders, with the whole path where it takes that.

    Raises:
        InputError: a folder is given twice.
    """
    paths = [folder.resolve() for folder in folders]
    for folder, path in zip(folders, paths, strict=True):
        if paths.count(path) > 1:
            raise InputError(f"{folder}: is given twice; a model is compared with others")
    names = [path.name for path in paths]
    if len(names) == 1:
        return [ALONE]
    return [str(path) if names.count(path.name) > 1 or path.name.lower() in RESERVED else path.name for path in paths]


def evaluate_all(
    contenders: Sequence[EvaluatedModel], tracks: Sequence[Track], metrics: str, excerpts: Excerpts | None
) -> tuple[dict[str, list[Row]], dict[str, list[str]]]:
    """Evaluates model after model and writes each one's evaluation.csv.

    Args:
        contenders: the models.
        tracks: from `tracks.find_tracks`.
        metrics: one of `measures.METRICS`.
        excerpts: collects what is to be heard, if anything is.

    Returns:
        The rows of `assessment.evaluate_tracks` by model, and the silent targets of each track that has some.
    """
    found, silent = {}, {}
    with progress_bar(2 * len(contenders) * sum(track.seconds for track in tracks), "s") as advance:
        for name, folder, separator in contenders:
            label = f"{name}: " if len(contenders) > 1 else ""
            rows, mute = evaluate_tracks(
                tracks,
                separator,
                metrics,
                progress=lambda step, seconds, label=label: advance(label + step, seconds),
                visit=excerpts and partial(excerpts.add, name if label else "Estimate"),
            )
            write_csv(folder.evaluation, aggregate(rows))
            found[name] = rows
            for track, targets in mute.items():
                silent[track] = list(dict.fromkeys([*silent.get(track, ()), *targets]))
    return found, silent


def merge_rows(rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    """The rows of several evaluations of the same tracks as those of one.

    Args:
        rows: by name of the model, from `assessment.evaluate_tracks`.

    Returns:
        By track and target: a row of each model that has the target, under the model's name, then the mixture's and
        the ideal mask's, once. Where models have different targets, BSSEval's other sources, and so its SIR and SAR,
        may differ among them; those of the mixture and the mask are then the first model's.
    """
    tracks = list(dict.fromkeys(row["track"] for found in rows.values() for row in found))
    places: dict[tuple, dict[str, Row]] = {}
    for name, found in rows.items():
        for row in found:
            label = name if row["estimate"] == ALONE else row["estimate"]
            places.setdefault((row["track"], row["target"]), {}).setdefault(label, {**row, "estimate": label})
    order = sorted(places, key=lambda place: tracks.index(place[0]))  # targets stay as they came
    return [
        estimates[name]
        for place in order
        for estimates in [places[place]]
        for name in (*rows, *BASELINES)
        if name in estimates
    ]


def write_report(
    path: Path,
    contenders: Sequence[EvaluatedModel],
    tracks: Sequence[Track],
    facts: Mapping[str, str],
    rows: Sequence[Row],
    silent: Mapping[str, Sequence[str]],
    excerpts: Excerpts,
) -> None:
    """Writes the page about an evaluation.

    Args:
        path: of the HTML file.
        contenders: the models.
        tracks: that they were evaluated on.
        facts: name -> value, the dataset's name and the split among them.
        rows: of all models, and their summary.
        silent: the targets of tracks that have no figures.
        excerpts: what to listen to.

    Raises:
        InputError: an estimate that holds NaN or infinity.
    """
    length = duration(sum(track.seconds for track in tracks))
    parts = [INTRO.format(tracks=_count(tracks), length=length, **facts)]
    if silent:
        mute = "; ".join(f"{', '.join(targets)} of {track}" for track, targets in silent.items())
        parts.append(f"Left out, silent: {mute}.")
    examples = excerpts.examples()
    if examples:
        among = "" if len(excerpts.tracks) == len(tracks) else f", evenly chosen from {len(tracks)}"
        parts.append(LISTEN.format(seconds=SECONDS, tracks=_count(excerpts.tracks) + among, bitrate=SMALL.bitrate))
    names = {
        contender.folder.name if contender.name == ALONE else contender.name: contender.separator
        for contender in contenders
    }
    notes = {name: _describe(separator) for name, separator in names.items()} | facts
    write_page(path, f"Evaluation of {', '.join(names)}", "\n\n".join(parts), examples, rows, [], notes, SMALL)


def _describe(separator: Separator) -> str:
    model = separator.config.model
    return f"{type(model).__name__}, {', '.join(separator.targets)}, {model.sample_rate} Hz, " + (
        "mono" if model.num_channels == 1 else "stereo"
    )


def _count(tracks: Sequence[Track]) -> str:
    return "1 track" if len(tracks) == 1 else f"{len(tracks)} tracks"
