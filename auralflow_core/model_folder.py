"""Model folders: the names of the files in them, and how a model's name leads to its folder."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from auralflow_core import config as configuration
from auralflow_core.config import Config
from auralflow_core.errors import InputError, closest
from auralflow_core.exported.paths import is_exported, refuse_programs
from auralflow_core.hub.remote import fetch, is_remote, repository_of
from auralflow_core.storage.aside import move_aside
from auralflow_core.storage.atomic import new_folder
from auralflow_core.storage.cache import cache_folder
from auralflow_core.storage.json_files import read_json, write_json
from auralflow_core.storage.staging import is_vacant
from auralflow_core.weights.file import FLAX, TORCH, TensorFile, read_tensors, write_tensors

RESOLVERS = "auralflow.resolvers"  # group of entry points; see `Resolver`
BUILT_IN = "auralflow.pretrained"  # the first of them, also in a checkout that is not installed and so declares none


class ModelFolder:
    """Paths and the configuration of one trained, or yet untrained, model.

    Args:
        path: the folder; it need not exist.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.config_file = self.path / "config.json"
        self.checkpoint = self.path / "checkpoint"  # latest and best training state
        self.weights = self.checkpoint / "best.safetensors"  # the weights that validation scored best
        self.published = self.path / "model.safetensors"  # the weights in a repository of the Hugging Face Hub
        self.adapter = self.checkpoint / "adapter.safetensors"  # what a run with a lora_rank has trained
        self.start = self.checkpoint / "start.json"  # the models whose weights the run started from
        self.last = self.checkpoint / "last.pt"  # the state from which a run in torch goes on
        self.evaluation = self.path / "evaluation.csv"
        self.evaluation_record = self.path / "evaluation.json"  # the dataset, split and metrics of these figures
        self.report = self.path / "report.html"  # the same as a page, with excerpts to listen to
        self.audio = self.path / "audio"  # snippets of separated validation tracks
        self.images = self.path / "images"  # their spectrograms and waveforms
        self.runs = self.path / "runs"  # TensorBoard events
        evaluation = (self.evaluation, self.evaluation_record, self.report)
        self.run_outputs = (self.checkpoint, self.audio, self.images, self.runs, *evaluation)

    def __repr__(self) -> str:
        return f"ModelFolder({str(self.path)!r})"

    @property
    def name(self) -> str:
        """The folder's own name, also for `.` or a path that ends in a slash."""
        return self.path.resolve().name

    @property
    def steps(self) -> list[int]:
        """The steps at which a run in JAX has saved its state."""
        if not self.checkpoint.is_dir():
            return []
        return [int(path.name) for path in self.checkpoint.iterdir() if path.name.isdigit()]

    def load_config(self) -> Config:
        """Reads config.json.

        Raises:
            InputError: there is no such file, it is no JSON, or it holds a wrong key or value.
        """
        if self.path.is_file():
            raise InputError(f"{self.path}: is a file, where a model folder is expected")
        if not self.config_file.exists():
            raise InputError(
                f"{self.path}: no model folder, it has no config.json; "
                f"make one with `auralflow config {self.path} MODEL`"
            )
        return read_config(self.config_file)

    def find_weights(self) -> Path:
        """The best weights of a trained model.

        Raises:
            InputError: there is no model, or it was never trained.
        """
        self.load_config()  # a folder without a readable one is no model folder
        if not self.weights.exists() and self.published.exists():
            return self.published
        if not self.weights.exists():
            raise InputError(
                f"{self.path}: the model is not trained yet, {self.weights} does not exist; "
                f"`auralflow train {self.path} DATASET` makes it"
            )
        return self.weights

    def move_run_aside(self) -> Path | None:
        """Moves what an earlier run wrote into `earlier-runs/N`; returns that folder, or None if there is nothing."""
        written = [path for path in self.run_outputs if path.exists()]
        return move_aside(written, self.path / "earlier-runs") if written else None

    def save_config(self, config: Config) -> None:
        """Writes config.json, aside first, so that a failure leaves the old one.

        Raises:
            InputError: a value that no configuration can have, so that the file could not be read again.
        """
        settings = configuration.to_dict(config)
        configuration.from_dict(settings, str(self.config_file))
        write_json(self.config_file, settings)

    def save_model(self, file: TensorFile) -> None:
        """Writes config.json and best.safetensors; a new folder appears whole or not at all.

        Args:
            file: weights with their configuration. In a model folder they replace what an earlier call wrote.

        Raises:
            InputError: the path is no model folder but something else, or the folder holds a training run, to which
                its weights belong.
        """
        is_model = self.config_file.exists()
        if not is_model and not is_vacant(self.path):
            raise InputError(f"{self.path}: exists already and is no model folder; name a new folder")
        if self.checkpoint.is_dir() and any(
            path != self.weights and not path.name.startswith(".") for path in self.checkpoint.iterdir()
        ):
            raise InputError(
                f"{self.checkpoint}: holds a training run, and best.safetensors belongs to it; name a new folder"
            )
        if self.published.exists():
            raise InputError(f"{self.path}: holds a repository's model.safetensors; save_pretrained writes it anew")
        if is_model:
            self.save_config(file.config)
            write_tensors(self.weights, file)
            return
        with new_folder(self.path) as aside:
            ModelFolder(aside).save_config(file.config)
            write_tensors(ModelFolder(aside).weights, file)


class Resolver(Protocol):
    """The target of an entry point of the group `auralflow.resolvers`: a module, or an object, with two functions.

    A third one is called where it exists: `repair(folder)`, which makes one of its folders again that is damaged, and
    returns whether it did.
    """

    def names(self) -> Iterable[str]:
        """The names of the models that it knows."""
        ...

    def resolve(self, name: str) -> Path | None:
        """The model's folder, made on first use; None for a name, or the path of a file, that it does not know."""


def find_model(name_or_path: str | Path) -> Path:
    """Finds the model folder, or the file of weights, that a name or a path stands for.

    The name of a repository, `hf:USER/MODEL` or `hf:USER/MODEL@REVISION`, stands for its copy in the Hub's cache. Else
    a folder of that path comes first, then the cached folder of a pretrained model, then what the resolvers make: the
    packages' own pretrained models, and those of installed packages that declare an entry point in the group
    `auralflow.resolvers`. They also make the folders of files that others trained; other files are our own.

    Raises:
        InputError: there is no such file, folder or pretrained model; or its files cannot be fetched.
    """
    if is_remote(name_or_path):
        fetched = fetch(str(name_or_path))
        return fetched if fetched.is_dir() else find_model(fetched)  # a checkpoint of others, say
    name, path = str(name_or_path), Path(name_or_path)
    if path.is_dir() or is_exported(path):
        return path
    if path.name == name and not path.exists() and looks_whole(cached := ModelFolder(cache_folder("models") / name)):
        return cached.path
    known: list[str] = []
    for resolver in _resolvers():
        if (found := resolver.resolve(name)) is not None:
            return found
        known += resolver.names()
    if path.exists():
        return path
    if path.name != name:
        raise InputError(f"{name}: no such file or folder")
    raise InputError(f"{name}: no such file or folder, and no pretrained model of that name; {closest(name, known)}")


def read_model(name_or_path: str | Path, formats: Iterable[str] = (FLAX, TORCH)) -> tuple[TensorFile, Path]:
    """Reads the weights of a model, once, with their checksum; in the cache, damaged ones are made again.

    Args:
        name_or_path: see `find_model`.
        formats: those that are accepted, see `read_tensors`.

    Returns:
        The weights, and the path of their file.

    Raises:
        InputError: there is no such model, it was never trained, or its files are damaged and cannot be fetched again.
    """
    path = find_model(name_or_path)
    try:
        return _read(path, formats)
    except InputError:
        if not _repair(path):
            raise
    return _read(path, formats)


def display_name(name_or_path: str | Path) -> str:
    """The name of a model for folders and headings: its folder's, or that of its file of weights.

    Example:
        >>> display_name("models/my_model/"), display_name("zoo/zebra")
        ('my_model', 'zebra')
    """
    if is_remote(name_or_path):
        name_or_path = str(name_or_path).partition("@")[0]
    path = Path(os.path.abspath(repository_of(name_or_path) or name_or_path))
    if path.is_file():
        return path.parents[1].name if path.parent.name == "checkpoint" else path.stem
    return path.name


def looks_whole(folder: ModelFolder) -> bool:
    """Whether a folder has a configuration and a file of weights that is as long as it says; see `read_model`."""
    try:
        read_tensors(folder.find_weights(), only_metadata=True)
    except InputError:
        return False
    return True


def find_weights(name_or_path: str | Path) -> Path:
    """Finds the file of weights that a model folder, a file itself or a pretrained model's name stands for.

    Raises:
        InputError: see `find_model`; or the folder holds no trained model.
    """
    return _weights(find_model(name_or_path))


def _weights(path: Path) -> Path:
    if path.suffix == ".json" and path.is_file():
        raise InputError(
            f"{path}: is JSON, which `load`, `separate` and `evaluate` take for an ensemble; weights are expected"
        )
    refuse_programs(path)
    return ModelFolder(path).find_weights() if path.is_dir() else path


def _read(path: Path, formats: Iterable[str]) -> tuple[TensorFile, Path]:
    weights = _weights(path)
    return read_tensors(weights, formats), weights


def _repair(path: Path) -> bool:
    """Lets the resolvers make a damaged folder in the cache again."""
    if not path.is_dir() or not path.resolve().is_relative_to(cache_folder("models").resolve()):
        return False
    repairs = (getattr(resolver, "repair", None) for resolver in _resolvers())
    return any(repair(path) for repair in repairs if repair)


def _resolvers() -> Iterator[Resolver]:
    """Loads the resolvers one by one."""
    from importlib import metadata  # here, as it takes longer to import than the rest of this file

    built_in = metadata.EntryPoint("pretrained", BUILT_IN, RESOLVERS)
    for entry in {entry.value: entry for entry in (built_in, *metadata.entry_points(group=RESOLVERS))}.values():
        yield entry.load()


def as_config(config_or_dict_or_path: Config | Mapping[str, Any] | str | Path) -> Config:
    """Makes a checked configuration.

    Args:
        config_or_dict_or_path: a `Config`, which is returned as it is; what config.json holds, as a dict; or the path
            of such a file or of a model folder.

    Raises:
        InputError: a wrong key or value, or a file that cannot be read.
    """
    given = config_or_dict_or_path
    if isinstance(given, Config):
        return given
    if isinstance(given, str | Path):
        return ModelFolder(given).load_config() if Path(given).is_dir() else read_config(given)
    return configuration.from_dict(dict(given) if isinstance(given, Mapping) else given)


def read_config(file: str | Path) -> Config:
    """Reads a configuration from a file of any name.

    Raises:
        InputError: the file cannot be read, it is no JSON, or it holds a wrong key or value.
    """
    return configuration.from_dict(read_json(file), str(file))
