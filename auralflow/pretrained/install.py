"""Model folders made of published files."""

import dataclasses
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from auralflow.pretrained.download import obtain
from auralflow.pretrained.model import ReadyModel
from auralflow.pretrained.registry import READY, default_model
from auralflow_core import config as configuration
from auralflow_core.config import Config
from auralflow_core.errors import InputError, closest
from auralflow_core.model_folder import ModelFolder
from auralflow_core.storage.cache import cache_folder
from auralflow_core.weights.file import TORCH, TensorFile, read_tensors, write_tensors

CARD = "README.md"


def find_model(model: str | Path) -> Path:
    """The folder that a model's name stands for: itself, or of a ready model the folder that is made on first use.

    Raises:
        InputError: neither; or a ready model cannot be fetched.
    """
    folder = ModelFolder(model)
    if folder.path.exists() or str(model) not in READY:
        return folder.path
    return get_model(str(model))


def get_model(
    name: str,
    save: str | Path | None = None,
    file: str | Path | None = None,
    offline: bool = False,
    high_bins: str | None = None,
) -> Path:
    """Makes the folder of a ready model, unless it is there.

    Args:
        name: one of `READY`.
        save: a folder that does not exist or is empty, for a copy; default: only the one in the user's cache.
        file: the published file, or a folder with all of them, instead of fetching them.
        offline: fetch nothing.
        high_bins: of the copy, the mask above the bins that the network sees: see the configuration.

    Returns:
        The folder.

    Raises:
        InputError: an unknown name, files that cannot be had or are not those that were published, or a folder with
            something in it.
    """
    if name not in READY:
        raise InputError(f"unknown ready model {name!r}; {closest(name, READY)}")
    target = None if save is None else Path(save)
    if high_bins is not None and target is None:
        raise InputError(f"high_bins {high_bins!r} is of a copy; where to is missing (--save)")
    changes = {} if high_bins is None else {"high_bins": high_bins}
    config = configuration.override(READY[name].config, changes)
    if target is not None and target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{target}: exists already; a new or empty folder is expected")
    ready = READY[name]
    folder = ready.folder
    if not ModelFolder(folder).weights.exists():
        paths = [obtain(source, None if file is None else Path(file), offline) for source in ready.sources]
        _appear(folder, lambda staged: _write(staged, ready, paths))
        for source in ready.sources:
            (cache_folder("downloads") / source.name).unlink(missing_ok=True)
    if target is None:
        return folder
    _appear(target, lambda staged: _copy(folder, staged, config))
    return target


def choose_model(model: str | None, inputs: Sequence[str], targets: Sequence[str] = ()) -> tuple[str, list[str]]:
    """The model and what it is to separate, of what stands on a command line as `[MODEL] INPUT...`.

    Args:
        model: the one that a flag names, if any; then all of `inputs` are inputs.
        inputs: their first is the model if it is one by its looks: a model folder, a file of weights, a ready model's
            name, or anything before other inputs that is neither there nor called like an audio file.
        targets: what is wanted of the model, if that is named; without a model it decides which, see `default_model`.

    Returns:
        The model and the inputs.

    Raises:
        InputError: there is a model and nothing to separate; or none, and none has the targets.
    """
    # Here, as the command line that knows ready models needs no audio library.
    from auralflow_core.data.inputs import has_audio_suffix

    if model is not None:
        return model, list(inputs)
    first, *others = inputs
    path = Path(first)
    if path.exists():
        named = ModelFolder(path).config_file.exists() or path.suffix == ".safetensors"
    else:
        named = first in READY or bool(others and not has_audio_suffix(path))
    if named and not others:
        raise InputError(
            f"{first}: is a model, and nothing follows that it could separate; audio files, or folders "
            "of them, are expected"
        )
    return (first, others) if named else (default_model(targets), list(inputs))


def _appear(folder: Path, write: Callable[[Path], None]) -> None:
    """Lets `write` fill a folder aside, which then takes its place whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as aside:
        staged = Path(aside) / folder.name
        staged.mkdir()
        write(staged)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
        staged.rename(folder)


def _write(path: Path, ready: ReadyModel, files: list[Path]) -> None:
    folder = ModelFolder(path)
    folder.save_config(ready.config)
    provenance = {"source": ready.origin, "files": [source.name for source in ready.sources]}
    write_tensors(folder.weights, TensorFile(TORCH, ready.read(files), ready.config, provenance))
    (path / CARD).write_text(card(ready), encoding="utf-8")


def _copy(folder: Path, target: Path, config: Config) -> None:
    source, copy = ModelFolder(folder), ModelFolder(target)
    copy.save_config(config)
    write_tensors(copy.weights, dataclasses.replace(read_tensors(source.weights), config=config))
    shutil.copy(folder / CARD, target / CARD)


def card(ready: ReadyModel) -> str:
    """The text that goes with the weights: what they are, whose, under which terms, how good."""
    files = "\n".join(
        f"- {source.name}, SHA-256 {source.sha256}{'' if len(source.sha256) == 64 else '...'}"
        for source in ready.sources
    )
    quality = f"\nQuality: {ready.quality}.\n" if ready.quality else ""
    return (
        f"# {ready.name}\n\nSeparates {', '.join(ready.targets)}. Licence: {ready.licence}.\n\n{ready.credit}\n"
        f"{quality}\nThe weights were converted, bit for bit, from\n\n{files}\n"
    )
