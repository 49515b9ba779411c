"""Models that others trained and passed on as a checkpoint beside a file of settings, as ordinary model folders."""

import hashlib
import os
import shutil
from pathlib import Path

from auralflow.pretrained.folder import write_folder
from auralflow_core.config import Config
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder, looks_whole
from auralflow_core.storage.cache import cache_folder
from auralflow_core.storage.checksums import sha256

CHECKPOINTS = (".ckpt", ".safetensors")
SETTINGS = (".yaml", ".yml")


def import_model(checkpoint: str | Path, settings: str | Path | None = None, save: str | Path | None = None) -> Path:
    """Makes the model folder of a checkpoint that Music-Source-Separation-Training reads.

    Args:
        checkpoint: a `.ckpt` or `.safetensors`.
        settings: the `.yaml` that belongs to it; default: the one of the same name beside it.
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
        raise InputError(f"{checkpoint}: no such file; a checkpoint is expected, .ckpt or .safetensors")
    settings = _beside(checkpoint) if settings is None else Path(settings)
    if save is not None:
        target = Path(save)
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise InputError(f"{target}: exists already; a new or empty folder is expected")
        _make(target, checkpoint, settings)
        return target
    target = cache_folder("models") / _key(checkpoint, settings) / checkpoint.stem
    if not looks_whole(ModelFolder(target)):
        _make(target, checkpoint, settings)
    return target


def is_checkpoint(path: Path) -> bool:
    """Whether an existing file needs `import_model`: it is a `.ckpt`, or has settings beside it and is not ours."""
    if not path.is_file() or path.suffix not in CHECKPOINTS:
        return False
    if path.suffix == ".ckpt":
        return True
    return any(path.with_suffix(suffix).is_file() for suffix in SETTINGS) and not _is_ours(path)


def card(name: str, config: Config, checkpoint: Path, settings: Path) -> str:
    """The README of the folder: its targets and where it comes from."""
    files = "\n".join(f"- {path.name}, SHA-256 {_sha256(path)}" for path in (checkpoint, settings))
    return (
        f"# {name}\n\nSeparates {', '.join(config.model.targets)}. Licence: its publisher's; the files name none.\n\n"
        f"The weights were converted, bit for bit or from half types, from\n\n{files}\n"
    )


def _make(target: Path, checkpoint: Path, settings: Path) -> None:
    from bridge.importers.msst import read_pair

    name = target.resolve().name
    state, config = read_pair(checkpoint, settings, name)
    provenance = {"source": "Music-Source-Separation-Training", "files": [checkpoint.name, settings.name]}
    shutil.rmtree(target, ignore_errors=True)  # empty, or a damaged one of the cache
    write_folder(target, config, state, provenance, card(name, config, checkpoint, settings))


def _key(*files: Path) -> str:
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
        f"{checkpoint}: its settings are missing, {checkpoint.with_suffix(SETTINGS[0]).name} is expected beside it; "
        "`auralflow pretrained get --file CHECKPOINT --settings FILE --save DIR` takes another file"
    )


def _is_ours(path: Path) -> bool:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return ((file.metadata() or {}).get("format") or "").startswith("auralflow")
    except (SafetensorError, OSError):
        return True  # a damaged file, of which the reader of our own says so


def _sha256(path: Path) -> str:
    try:
        return sha256(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
