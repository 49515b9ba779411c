"""Models that others trained, as ordinary model folders: checkpoints next to their settings, and files of demucs."""

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from auralflow.pretrained.folder import check_new, write_folder
from auralflow_core.config import Config
from auralflow_core.console.interrupts import check
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder, looks_whole
from auralflow_core.storage.cache import cache_folder
from auralflow_core.storage.checksums import sha256
from bridge.importers.superseded import refuse_superseded

SETTINGS = (".yaml", ".yml")  # of a checkpoint; of these suffixes bags of demucs are, too
CHECKPOINTS = (".ckpt", ".safetensors", ".th", *SETTINGS)


def import_model(checkpoint: str | Path, settings: str | Path | None = None, save: str | Path | None = None) -> Path:
    """Makes the model folder of a checkpoint that Music-Source-Separation-Training or demucs reads.

    Args:
        checkpoint: a `.ckpt` or `.safetensors`; or a file of demucs, `.th`, `.safetensors` or the `.yaml` of a bag.
        settings: the `.yaml` that belongs to it; default: the one of the same name next to it. Files of
            demucs have none.
        save: a folder, which does not exist or is empty; default: one in the user's cache, which is made once.

    Returns:
        The folder.

    Raises:
        InputError: a file cannot be read or would run code, the network is another one, the two do not belong
            together, or the folder is not empty.
        MissingPackage: torch, which reads checkpoints, is not installed.
    """
    checkpoint = Path(checkpoint)
    if not checkpoint.is_file():
        found = "is no file" if checkpoint.exists() else "no such file"
        raise InputError(f"{checkpoint}: {found}; a checkpoint is expected, .ckpt, .safetensors or .th")
    refuse_superseded(checkpoint)
    files = _files(checkpoint, None if settings is None else Path(settings))
    if save is not None:
        target = Path(save)
        check_new(target)
        _make(target, files)
        return target
    target = cache_folder("models") / _key(files) / checkpoint.stem
    if not looks_whole(ModelFolder(target)):
        _make(target, files)
    return target


def is_checkpoint(path: Path) -> bool:
    """Whether an existing file needs `import_model`: it is a `.ckpt`, or has settings next to it and is not ours, or is
    one of demucs.
    """
    if not path.is_file() or path.suffix not in CHECKPOINTS:
        return False
    if path.suffix == ".ckpt" or is_package(path):
        return True
    return any(path.with_suffix(suffix).is_file() for suffix in SETTINGS) and not _is_ours(path)


def is_package(path: Path) -> bool:
    """Whether a file is one of demucs: a `.th`, a `.safetensors` that names a class, or the `.yaml` of a bag."""
    return path.suffix in (".th", *SETTINGS) or "klass" in _metadata(path)


def card(name: str, config: Config, files: Sequence[Path]) -> str:
    """The README of the folder: its targets and where it comes from."""
    origins = "\n".join(f"- {path.name}, SHA-256 {_sha256(path)}" for path in files)
    return (
        f"# {name}\n\nSeparates {', '.join(config.model.targets)}. Licence: its publisher's; the files name none.\n\n"
        f"The weights were converted, bit for bit or from half types, from\n\n{origins}\n"
    )


def _files(checkpoint: Path, settings: Path | None) -> list[Path]:
    """The files that a model is made of: the checkpoint and its settings, or a bag and its members, or one alone."""
    if checkpoint.suffix in SETTINGS and settings is not None:
        raise InputError(
            f"{checkpoint}: ends in {checkpoint.suffix}, expected the checkpoint that {settings} has the settings of"
        )
    if checkpoint.suffix in SETTINGS:
        from bridge.importers.demucs_bag import members_of

        return [checkpoint, *members_of(checkpoint)]
    if not is_package(checkpoint):
        return [checkpoint, _beside(checkpoint) if settings is None else settings]
    if settings is not None:
        raise InputError(f"{settings}: {checkpoint} is a file of demucs, which has its settings inside; leave them out")
    return [checkpoint]


def _make(target: Path, files: Sequence[Path]) -> None:
    from bridge.importers.demucs_bag import read_bag
    from bridge.importers.demucs_package import read_package
    from bridge.importers.msst import read_pair

    name = target.resolve().name
    if is_package(files[0]):
        reader = read_bag if files[0].suffix in SETTINGS else read_package
        (state, config), source = reader(files[0], name), "demucs"
    else:
        (state, config), source = read_pair(files[0], files[1], name), "Music-Source-Separation-Training"
    check()
    provenance = {"source": source, "files": [path.name for path in files]}
    shutil.rmtree(target, ignore_errors=True)  # empty, or a damaged one of the cache
    write_folder(target, config, state, provenance, card(name, config, files))


def _key(files: Sequence[Path]) -> str:
    """A name that is another one as soon as a file is another one, without reading gigabytes at each use."""
    states = [(os.path.realpath(file), _stat(file).st_size, _stat(file).st_mtime_ns) for file in files]
    return hashlib.sha256(repr(states).encode(errors="surrogateescape")).hexdigest()[:32]


def _stat(file: Path) -> os.stat_result:
    try:
        return file.stat()
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from None


def _beside(checkpoint: Path) -> Path:
    """The file of settings of the same name."""
    for suffix in SETTINGS:
        if (settings := checkpoint.with_suffix(suffix)).is_file():
            return settings
    raise InputError(
        f"{checkpoint}: its settings are missing, {checkpoint.with_suffix(SETTINGS[0]).name} is expected next to it; "
        "`auralflow pretrained get --file CHECKPOINT --settings FILE --save DIR` takes another file"
    )


def _is_ours(path: Path) -> bool:
    return (_metadata(path).get("format") or "").startswith("auralflow")


def _metadata(path: Path) -> dict[str, str]:
    """The metadata of a safetensors file; empty for other kinds of files."""
    from safetensors import SafetensorError, safe_open

    if path.suffix != ".safetensors":
        return {}
    try:
        with safe_open(path, framework="numpy") as file:
            return file.metadata() or {}
    except (SafetensorError, OSError):
        return {"format": "auralflow"}  # a damaged file, of which the reader of our own says so


def _sha256(path: Path) -> str:
    try:
        return sha256(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
