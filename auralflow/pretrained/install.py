"""Model folders made from published files."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from auralflow.pretrained.checkpoints import NONE_STATED
from auralflow.pretrained.community import CHECKPOINTS, import_model, is_checkpoint
from auralflow.pretrained.download import fetch, waiting_turn
from auralflow.pretrained.ensembles import ensembles
from auralflow.pretrained.folder import check_new, write_folder
from auralflow.pretrained.measured import MEASURED, MIXTURE, SONG, VALIDATED, score_text
from auralflow.pretrained.model import PretrainedModel
from auralflow.pretrained.registry import PRETRAINED, default_model
from auralflow_core import config as configuration
from auralflow_core.ensembles.description import SUFFIX
from auralflow_core.errors import InputError, closest
from auralflow_core.exported.paths import SUFFIXES as EXPORTED
from auralflow_core.model_folder import ModelFolder, looks_whole, read_model
from auralflow_core.storage.cache import cache_folder
from auralflow_core.weights.file import read_tensors
from bridge.importers.superseded import SUPERSEDED, refuse_superseded


def names() -> list[str]:
    """The names of all pretrained models and ensembles: with `resolve` a resolver of `auralflow.resolvers`."""
    return sorted([*PRETRAINED, *ensembles()])


def resolve(name: str) -> Path | None:
    """The folder of a pretrained model, made on first use: a resolver of the entry-point group `auralflow.resolvers`.

    Args:
        name: of a pretrained model, or of an ensemble in configs/ensembles; or the path of a checkpoint that others
            trained, next to its settings.

    Returns:
        The folder, or the JSON of an ensemble; None if it is none of these.

    Raises:
        InputError: the model's files cannot be fetched, or the checkpoint cannot be read or is superseded.
    """
    if name in PRETRAINED:
        return get_model(name)
    if (description := ensembles().get(name)) is not None:
        return description
    refuse_superseded(Path(name))
    return import_model(name) if is_checkpoint(Path(name)) else None


def is_installed(name: str) -> bool:
    """Whether the folder of one of `PRETRAINED` is in the cache."""
    return looks_whole(ModelFolder(PRETRAINED[name].folder))


def get_model(
    name: str,
    save: str | Path | None = None,
    file: str | Path | None = None,
    offline: bool = False,
    high_bins: str | None = None,
) -> Path:
    """Makes the folder of a pretrained model, unless it exists.

    Args:
        name: one of `PRETRAINED`.
        save: a folder for a copy, which does not exist or is empty; default: only the folder in the user's cache.
        file: the published file, or a folder with all of them, in place of fetching them.
        offline: fetch nothing.
        high_bins: of the copy, the mask above the bins that the network sees; see the configuration.

    Returns:
        The folder.

    Raises:
        InputError: the name is unknown, files cannot be fetched or differ from the published ones, or a folder is not
            empty.
    """
    if name not in PRETRAINED:
        raise InputError(f"unknown pretrained model {name!r}; {closest(name, PRETRAINED)}")
    model, target = PRETRAINED[name], None if save is None else Path(save)
    if high_bins is not None and target is None:
        raise InputError(f"high_bins {high_bins!r} is a setting of a copy; the folder for one is missing (--save)")
    config = configuration.override(model.config, {} if high_bins is None else {"high_bins": high_bins})
    if target is not None:
        check_new(target)
    folder = model.folder
    if not is_installed(name):
        if model.licence == NONE_STATED and file is None and not offline:
            print(f"{name}: nobody states a licence for these weights; whether you may use them is yours to find out.")
        _install(model, file, offline)
    if target is None:
        return folder
    original, _ = read_model(folder)
    write_folder(target, config, original.tensors, original.provenance, card(model))
    return target


def repair(folder: Path) -> bool:
    """Makes the damaged folder of a pretrained model in the cache again; returns whether it is one.

    Raises:
        InputError: its files cannot be fetched; or it was made of a checkpoint, which has to be named once more.
    """
    for model in PRETRAINED.values():
        if model.folder.resolve() == folder.resolve():
            _install(model, None, False)
            return True
    if folder.parent.resolve() == cache_folder("models").resolve():
        return False
    shutil.rmtree(folder)
    raise InputError(
        f"{folder}: was damaged, and is removed; it was made from a checkpoint, and the same command makes it again"
    )


def choose_model(model: str | None, inputs: Sequence[str], targets: Sequence[str] = ()) -> tuple[str, list[str]]:
    """Tells the model from its inputs in a command line `[MODEL] INPUT...`.

    Args:
        model: the model that a flag names; then all of `inputs` are inputs.
        inputs: the first is the model if it looks like one: a model folder, a file of weights, the JSON of an ensemble,
            an exported file, the `.yaml` of a bag, a pretrained model's name, or anything before other inputs that
            neither exists nor has an audio file's suffix.
        targets: names of the targets that are asked for; without a model they decide which one separates, see
            `default_model`.

    Returns:
        The model and the inputs.

    Raises:
        InputError: a model without inputs; or no model, and no default model has the targets.
    """
    # Imported here, as `auralflow pretrained` needs no audio library.
    from auralflow.separation.inputs import has_audio_suffix

    if model is not None:
        return model, list(inputs)
    first, *others = inputs
    path = Path(first)
    if path.exists():
        named = ModelFolder(path).config_file.exists() or path.suffix in (*CHECKPOINTS, *SUPERSEDED, SUFFIX, *EXPORTED)
        if not named and others and path.is_dir() and not _holds_audio(path):
            raise InputError(
                f"{first}: is neither a model folder, it has no config.json, nor a folder of audio files; a model, or "
                "songs, are expected"
            )
    else:
        named = first in names() or bool(others and not has_audio_suffix(path))
    if named and not others:
        raise InputError(
            f"{first}: is a model, and no input follows that it could separate; audio files, or folders of them, "
            "are expected"
        )
    return (first, others) if named else (default_model(targets), list(inputs))


def _holds_audio(folder: Path) -> bool:
    from auralflow.separation.inputs import has_audio_suffix

    return any(has_audio_suffix(Path(name)) for _, _, names in os.walk(folder) for name in names)


def card(model: PretrainedModel) -> str:
    """The README of a model folder: its targets, its authors, the terms, its quality and the files it was made from."""
    files = "\n".join(
        f"- {file.name}, SHA-256 {file.sha256}{'' if len(file.sha256) == 64 else '...'}" for file in model.files
    )
    quality = f"\nPublished score: {model.quality}.\n" if model.quality else ""
    if here := score_text(model.name):
        validated = ", which validated its training" if model.name in VALIDATED else ""
        mixture = ", ".join(f"{target} {MIXTURE[target]:.1f}" for target in MEASURED[model.name])
        quality += f"\nSI-SDR of {SONG}{validated}: {here} dB; the mixture itself has {mixture} dB.\n"
    return (
        f"# {model.name}\n\nSeparates {', '.join(model.targets)}. Licence: {model.licence}.\n\n{model.credit}\n"
        f"{quality}\nThe weights were converted, bit for bit, from\n\n{files}\n"
    )


def _install(model: PretrainedModel, file: str | Path | None, offline: bool) -> None:
    """Makes a model's folder of published files; of several processes the first does, and the others wait."""
    folder = model.folder
    with waiting_turn(model.name):
        if _is_whole(ModelFolder(folder)):
            return
        paths = [fetch(published, None if file is None else Path(file), offline) for published in model.files]
        provenance = {"source": model.origin, "files": [path.name for path in paths]}
        state = model.read(paths)
        if folder.exists():  # damaged
            shutil.rmtree(folder)
        write_folder(folder, model.config, state, provenance, card(model))
        for published in model.files:
            (cache_folder("downloads") / published.name).unlink(missing_ok=True)


def _is_whole(folder: ModelFolder) -> bool:
    """Whether nothing in a folder is damaged, as its checksum tells."""
    try:
        read_tensors(folder.find_weights())
    except InputError:
        return False
    return True
