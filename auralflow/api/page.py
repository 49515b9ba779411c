"""The page about an evaluation."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from auralflow.api.comparison import ALONE, EvaluatedModel
from auralflow.backends import training_history
from auralflow.report import Excerpts, write_page
from auralflow.report.excerpts import SECONDS
from auralflow.report.players import SMALL
from auralflow_core.console.progress import duration
from auralflow_core.console.text import count
from auralflow_core.data.track import Track
from auralflow_core.evaluation.stem_files import StemFiles
from auralflow_core.evaluation.table import Row
from auralflow_core.model_folder import display_name
from auralflow_core.separation.separator import Separator

INTRO = "Scored on {tracks} of the split {split} of {dataset}, {length} in all."
LISTEN = (
    "{seconds:g} seconds of each target in {tracks}, from where it is heard together with the others, as mp3 of "
    "{bitrate} kbit/s. The versions play together; the buttons or the keys 1, 2, 3 switch between them."
)


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


def _describe(separator: Separator | StemFiles) -> str:
    if isinstance(separator, StemFiles):
        return f"stems of another program, {', '.join(separator.targets)}"
    model = separator.config.model
    return f"{type(model).__name__}, {', '.join(separator.targets)}, {model.sample_rate} Hz, " + (
        "mono" if model.num_channels == 1 else "stereo"
    )
