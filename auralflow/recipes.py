"""Recipes: files that say which songs to make and which model to train on them."""

import errno
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import replace
from rich.console import Console

from auralflow.backends import train, weight_bytes
from auralflow.songs import STEMS, complete_songs, require_sampler
from auralflow_core.config import Config, from_dict
from auralflow_core.config.base import Count, Group, PositiveFloat
from auralflow_core.config.parsing import message_of
from auralflow_core.config.templates import templates_folder
from auralflow_core.console.text import count
from auralflow_core.data.layout import SPLITS
from auralflow_core.data.targets import expand_targets
from auralflow_core.data.training import training_tracks
from auralflow_core.errors import InputError, closest, shown
from auralflow_core.model_folder import ModelFolder
from auralflow_core.storage.json_files import read_json, write_json
from auralflow_core.storage.staging import is_vacant
from auralflow_core.structs import convert


class Songs(Group):
    """A dataset of generated songs."""

    sound: Literal["synthesized", "sampled"]  # see `songs.make_songs`, as for the next three
    tracks: Annotated[int, Meta(ge=3, le=100_000)]
    seconds: Annotated[float, Meta(ge=2, le=3600)]
    seed: Count = 0
    share: PositiveFloat = 1.0  # how often training draws from it, relative to the other datasets


class Recipe(Group):
    """The content of a recipe's file."""

    about: str
    songs: tuple[Songs, ...]  # each with another sound
    config: dict[str, Any]  # the settings that differ from the model's template
    real_share: PositiveFloat = 1.0  # of each dataset of real music


@dataclass(frozen=True)
class Trained:
    """The outcome of a recipe.

    Attributes:
        model: the trained model's folder.
        dataset: the last dataset that has tracks to test on.
        split: the split with these tracks: `test`, or `valid` where there is no `test`.
    """

    model: ModelFolder
    dataset: Path
    split: str


def recipes() -> dict[str, Path]:
    """The recipes of the package: name -> file."""
    return {path.stem: path for path in sorted((templates_folder() / "recipes").glob("*.json"))}


def read_recipe(name: str) -> tuple[Recipe, Config]:
    """Reads a recipe.

    Args:
        name: one of `recipes()`, or a file of the same kind, which ends in `.json`.

    Returns:
        The recipe, and the configuration of its model.

    Raises:
        InputError: the recipe does not exist, or holds a wrong key or value.
    """
    known = recipes()
    if name not in known and not name.endswith(".json"):
        raise InputError(f"unknown recipe {shown(name)}; {closest(name, known)}; or a file like theirs, NAME.json")
    file = known.get(name, Path(name))
    settings = read_json(file)
    try:
        recipe = convert(settings, Recipe)
    except msgspec.ValidationError as error:
        raise InputError(f"{file}: {message_of(error, settings)}") from None
    if not recipe.songs or len({songs.sound for songs in recipe.songs}) < len(recipe.songs):
        raise InputError(f"{file}: songs: expected one entry for each sound, and at least one")
    config = from_dict(recipe.config, f"{file}: config")
    try:
        expand_targets(config.model.targets, STEMS, config.dataset.sources)
    except InputError as error:
        raise InputError(f"{file}: config: {error}") from None
    return recipe, config


def run_recipe(
    name: str,
    directory: str | Path,
    real: Sequence[str | Path] = (),
    restart: bool = False,
    console: Console | None = None,
) -> Trained:
    """Makes a recipe's songs and trains its model on them; an earlier call in the same folder is continued.

    Args:
        name: see `read_recipe`.
        directory: the folder for recipe.json, songs/ and model/: new, empty, or of an earlier call with the same
            recipe and datasets.
        real: datasets of real music with the stems of `songs.STEMS`, which train and validate in addition to the
            songs.
        restart: train from the start.
        console: where progress is shown; default: standard output.

    Raises:
        InputError: the recipe does not exist, the directory holds other things or another recipe, a dataset cannot be
            used, or programs for sampled songs are missing, all of which are named; or as training does.
        OSError: the disk has too little room.
        Interrupted: see `auralflow_jax.train.train`; the same call continues.
    """
    recipe, config = read_recipe(name)
    directory, real = Path(directory), [Path(dataset).resolve() for dataset in real]
    for dataset in real:
        if (stems := list(training_tracks(dataset)[0][0].stems)) != sorted(STEMS):
            raise InputError(f"{dataset}: its stems are {', '.join(stems)}; expected {', '.join(sorted(STEMS))}")
    if any(songs.sound == "sampled" for songs in recipe.songs):
        require_sampler()
    claim_directory(directory, {"recipe": Path(name).stem, **msgspec.to_builtins(recipe), "real": list(map(str, real))})
    console = console or Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
    announce(recipe, config, directory, console)
    datasets = [*_make_datasets(recipe, directory / "songs", console), *real]
    folder = ModelFolder(directory / "model")
    if not folder.config_file.exists():
        shares = tuple(songs.share for songs in recipe.songs) + (recipe.real_share,) * len(real)
        model, dataset = replace(config.model, model_name=Path(name).stem), replace(config.dataset, shares=shares)
        folder.save_config(replace(config, model=model, dataset=dataset))
    train(folder.path, datasets, restart, console=console)
    return Trained(folder, *_find_test_tracks(datasets))


def announce(recipe: Recipe, config: Config, directory: Path, console: Console) -> None:
    """Says what a recipe is about to do, and how much time and disk space it takes.

    Raises:
        OSError: the disk has too little room for the missing songs and the checkpoints.
    """
    missing = sum(_missing_bytes(songs, directory / "songs" / songs.sound) for songs in recipe.songs)
    # Weights, their average and two moments, in the latest and the best step, and the best weights alone.
    checkpoints = 9 * weight_bytes(config)
    training = config.training
    songs = sum(songs.tracks for songs in recipe.songs)
    console.print(
        f"{recipe.about.removesuffix('.')}.\nIt makes {count(songs, 'song')} and trains at most "
        f"{count(training.max_epochs, 'epoch')} of {config.dataset.samples_per_epoch or 'all'} crops; both take "
        f"{_size(missing + checkpoints)} of the disk. Whatever stops it, the same command goes on."
    )
    place = next(folder for folder in (directory.absolute(), *directory.absolute().parents) if folder.exists())
    if (free := shutil.disk_usage(place).free) < missing + checkpoints:
        text = f"{_size(missing + checkpoints)} of the disk are needed, and {_size(free)} are free"
        raise OSError(errno.ENOSPC, text, str(directory))


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def _missing_bytes(songs: Songs, folder: Path) -> int:
    """The size of the songs of a dataset that do not exist yet: four stems and the mixture, 16 bits, stereo."""
    missing = songs.tracks - len(list(folder.glob("*/song-*")))
    return max(missing, 0) * round(songs.seconds * 44100) * 4 * (len(STEMS) + 1)


def _make_datasets(recipe: Recipe, directory: Path, console: Console) -> list[Path]:
    """Makes the songs that do not exist yet; returns the folder of each dataset."""
    for songs in recipe.songs:
        dataset = directory / songs.sound
        complete_songs(dataset, songs.tracks, songs.seconds, console, songs.seed, songs.sound)
    return [directory / songs.sound for songs in recipe.songs]


def _find_test_tracks(datasets: Sequence[Path]) -> tuple[Path, str]:
    """The last dataset that has the split `test`, or else `valid`, and that split."""
    places = ((dataset, split) for dataset in reversed(datasets) for split in reversed(SPLITS[1:]))
    return next((dataset, split) for dataset, split in places if (dataset / split).is_dir())


def claim_directory(directory: Path, recipe: dict) -> None:
    """Writes a recipe into a new folder, so that later calls know it.

    Args:
        directory: the folder.
        recipe: the recipe and the other arguments that make a difference, as plain data.

    Raises:
        InputError: the folder holds other things or another recipe.
    """
    file = directory / "recipe.json"
    recipe = json.loads(json.dumps(recipe))  # tuples become lists, as in the file
    if not file.exists():
        if not is_vacant(directory):
            raise InputError(f"{directory}: is not empty and holds no recipe; a new folder is expected")
        write_json(file, recipe)
    elif (found := read_json(file)) != recipe:
        if not isinstance(found, dict):
            raise InputError(f"{file}: holds {shown(found)}, expected a recipe; a new folder is expected")
        differing = ", ".join(key for key in recipe if found.get(key) != recipe[key])
        raise InputError(
            f"{directory}: holds the recipe {shown(found.get('recipe'))}, which differs in {differing} from this "
            "call; a new folder is expected, or the command that made this one"
        )
