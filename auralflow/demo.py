"""The demo: generates songs, trains a small model on them, separates one, evaluates the model and writes a page."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from auralflow.backends import load_separator, train
from auralflow.report import Example, write_page
from auralflow.separation.inputs import find_inputs
from auralflow.separation.stems import StemOutput, separate_files
from auralflow.songs import complete_songs
from auralflow_core.audio import read
from auralflow_core.config import Config, DatasetConfig, SpectrogramNetSimple, TrainingConfig, VisualizerConfig, to_dict
from auralflow_core.console.progress import progress_bar
from auralflow_core.console.text import count
from auralflow_core.data.crops import read_mixture, read_stems
from auralflow_core.data.track import Track
from auralflow_core.data.tracks import find_tracks
from auralflow_core.errors import InputError
from auralflow_core.evaluation.dataset import evaluate_tracks
from auralflow_core.evaluation.table import Row, aggregate, table, write_csv
from auralflow_core.model_folder import ModelFolder
from auralflow_core.storage.staging import is_vacant

SONGS = 42  # 30 to train on, 6 each to validate and to test
SECONDS = 10.0
# A voice has little above 8 kHz; a network that does not see these bins trains faster.
CONFIG = Config(
    model=SpectrogramNetSimple(
        model_name="demo", hop_length=1024, num_bins=384, high_bins="mean", hidden_channels=8, depth=4
    ),
    dataset=DatasetConfig(samples_per_epoch=160),
    training=TrainingConfig(
        max_epochs=8, batch_size=4, lr=5e-3, lr_schedule="cosine", warmup_steps=10, ema_decay=0.97, criterion="si_sdr"
    ),
    visualizer=VisualizerConfig(num_snippets=1, tensorboard=False),
)
INTRO = """A small network learned to separate {targets} from a mixture. It trained for {minutes:.1f} minutes on \
{train}; the songs below are new to it.

These songs are generated: they show that everything works, from training to evaluation, and not how well a model \
does on recordings. For that, train on a dataset of real music."""


def run_demo(
    directory: str | Path,
    restart: bool = False,
    config: Config = CONFIG,
    songs: int = SONGS,
    seconds: float = SECONDS,
    console: Console | None = None,
) -> Path:
    """Runs the demo; an earlier call in the same folder is continued.

    Args:
        directory: the folder for songs/, model/, separated/ and index.html.
        restart: train from the start.
        config: of a new model.
        songs: number of songs; see `songs.make_songs`.
        seconds: length of each song.
        console: where progress is shown; default: standard output.

    Returns:
        The path of the page.

    Raises:
        InputError: the directory holds other things; or as training and separation do.
    """
    console = console or Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
    directory = Path(directory)
    dataset, folder = directory / "songs", ModelFolder(directory / "model")
    if not dataset.is_dir() and not is_vacant(directory):
        raise InputError(f"{directory}: is not empty and holds no demo; a new folder is expected")

    complete_songs(dataset, songs, seconds, console)
    if restart or not folder.config_file.exists():
        folder.save_config(config)
    history = train(folder.path, dataset, restart, console=console)

    tracks = find_tracks(dataset, "test")
    rows, separated = _separate_and_evaluate(directory, folder, tracks, console)
    page = directory / "index.html"
    config = folder.load_config()
    write_page(
        page,
        "auralflow demo",
        _intro(config, history, dataset),
        _examples(config, tracks[0], separated),
        rows,
        {"model": history},
        _notes(config, songs, seconds),
    )
    return page


def _separate_and_evaluate(
    directory: Path, folder: ModelFolder, tracks: Sequence[Track], console: Console
) -> tuple[list[Row], Path]:
    """Separates the first track into files and scores all tracks; returns the scores and the folder of the stems."""
    separator = load_separator(folder.path)
    [audio], _ = find_inputs([tracks[0].path])
    separated = directory / "separated"
    total = audio.seconds + 2 * sum(track.seconds for track in tracks)
    with progress_bar(total, "s", console) as advance:
        separate_files(
            [audio],
            separator,
            StemOutput(separated, residual=True, overwrite=True),
            progress=lambda name, seconds: advance("separating", seconds),
        )
        rows, _ = evaluate_tracks(tracks, separator, progress=advance)
    rows = aggregate(rows)
    write_csv(folder.evaluation, rows)
    console.print(table(rows))
    console.print(f"Stems of a test song: {separated / audio.name}")
    return rows, separated / audio.name


def _examples(config: Config, track: Track, stems: Path) -> list[Example]:
    """Players for every target of the track that was separated."""
    whole = (0, track.samples, track.sample_rate, track.channels)
    mixture = read_mixture(track, *whole)
    return [
        Example(
            track.name,
            target,
            {
                "Mixture": mixture,
                "Estimate": read(stems / f"{target}.wav")[0],
                "Reference": read_stems(track, [target], *whole)[0],
            },
            track.sample_rate,
        )
        for target in config.model.targets
    ]


def _intro(config: Config, history: Sequence[dict], dataset: Path) -> str:
    return INTRO.format(
        targets=" and ".join(config.model.targets),
        train=count(len(find_tracks(dataset, "train")), "generated song"),
        minutes=sum(epoch["seconds"] for epoch in history) / 60,
    )


def _notes(config: Config, songs: int, seconds: float) -> dict[str, object]:
    model, training = config.model, config.training
    settings = {
        key.replace("_", " "): value
        for key, value in to_dict(config)["model"].items()
        if key not in ("model_type", "model_name", "targets", "sample_rate")
    }
    return {
        "model": type(model).__name__,
        "sample rate": f"{model.sample_rate} Hz",
        **settings,
        "songs": f"{songs} of {seconds:g} s, {config.dataset.sample_length:g} s a crop",
        "epochs": training.max_epochs,
        "batch size": training.batch_size,
        "learning rate": f"{training.lr:g}, {training.lr_schedule}",
        "loss": training.criterion,
        "seed": training.seed,
    }
