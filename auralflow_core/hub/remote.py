"""Repositories of the Hugging Face Hub: fetched into its cache, and pushed."""

import re
import sys
from pathlib import Path
from types import ModuleType

from auralflow_core.errors import InputError
from auralflow_core.optional import needs

PREFIX = "hf:"
FILES = ("config.json", "model.safetensors", "README.md")
NAME = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(/(?P<file>[^@]+))?(@(?P<revision>[^@]+))?")
SETTINGS = (".yaml", ".yml")  # of checkpoints of others, beside them


def is_remote(name: str | Path) -> bool:
    """Whether a name stands for a repository: `hf:USER/MODEL`, perhaps with `@REVISION` behind it."""
    return str(name).startswith(PREFIX)


def remote_name(name_or_path: str | Path, revision: str | None = None) -> str | Path:
    """The name by which `find_model` finds a model that `from_pretrained` was called with.

    Args:
        name_or_path: what `find_model` takes; or, without `hf:`, a repository USER/MODEL, if there is no such path.
        revision: a commit, a tag or a branch of a repository.

    Raises:
        InputError: a revision of something that is no repository, or two of them.
    """
    name = str(name_or_path).removeprefix(PREFIX)
    match = NAME.fullmatch(name)
    if match is None or match["file"] or (not is_remote(name_or_path) and Path(name_or_path).exists()):
        if revision is not None:
            raise InputError(f"{name_or_path}: is no repository of the Hub, and can have no revision {revision!r}")
        return name_or_path
    if revision is None:
        return PREFIX + name
    if match["revision"]:
        raise InputError(f"{name_or_path}: has a revision already, and cannot have {revision!r}, too")
    return f"{PREFIX}{name}@{revision}"


def repository_of(path: str | Path) -> str | None:
    """The repository USER/MODEL whose folder in the Hub's cache a path is; None of others.

    Example:
        >>> repository_of("hub/models--user--my_model/snapshots/0123abc"), repository_of("my_model")
        ('user/my_model', None)
    """
    path = Path(path)
    repository = path.parent.parent.name
    if path.parent.name != "snapshots" or not repository.startswith("models--"):
        return None
    return "/".join(repository.split("--", 2)[1:])


def fetch(name: str) -> Path:
    """Fetches a repository into the Hub's cache, unless it is there.

    A download goes on from where its connection broke. With `HF_HUB_OFFLINE=1` nothing is fetched; `HF_HOME`,
    `HF_ENDPOINT` and `HF_TOKEN` are honoured, too.

    Args:
        name: `hf:USER/MODEL`, the commit, tag or branch `@REVISION` behind it, if one is meant; or
            `hf:USER/MODEL/FILE`, for a checkpoint of others, with its settings beside it.

    Returns:
        The folder of the repository in the cache, or the file in it.

    Raises:
        InputError: there is no such repository, it holds no model, or it cannot be fetched.
        MissingPackage: huggingface_hub is not installed.
    """
    match = NAME.fullmatch(name.removeprefix(PREFIX))
    if match is None or ".." in name.split("/"):
        raise InputError(f"{name}: expected {PREFIX}USER/MODEL, or {PREFIX}USER/MODEL@REVISION")
    file = match["file"]
    stem = (file or "").rpartition(".")[0]
    wanted = [file, *(stem + suffix for suffix in SETTINGS)] if file else [*FILES]
    hub = _hub()
    try:
        folder = hub.snapshot_download(
            match["repository"], revision=match["revision"], allow_patterns=wanted, library_name="auralflow"
        )
    except Exception as error:  # those of its versions, and of what they load with, share no base
        raise InputError(f"{name}: cannot be fetched: {_reason(error)}") from None
    for needed in [file] if file else FILES[:2]:
        if not (Path(folder) / needed).is_file():
            raise InputError(f"{name}: holds no {needed}; a repository that push_to_hub wrote is expected")
    return Path(folder) / (file or "")


def push(
    folder: Path,
    repository: str,
    *,
    private: bool | None = None,
    token: str | None = None,
    revision: str | None = None,
    message: str = "Upload of a model of auralflow",
) -> str:
    """Pushes the folder of a repository, which is made where it does not exist.

    Args:
        folder: that `write_repository` wrote.
        repository: USER/MODEL.
        private: of a new repository; default: what the account says.
        token: default: the one that `hf auth login` or `HF_TOKEN` gave.
        revision: the branch; default: main.
        message: of the commit.

    Returns:
        The address of the commit.

    Raises:
        InputError: the Hub refuses it, or cannot be reached.
        MissingPackage: huggingface_hub is not installed.
    """
    hub = _hub()
    try:
        api = hub.HfApi(token=token, library_name="auralflow")
        api.create_repo(repository, private=private, exist_ok=True)
        if revision is not None:
            api.create_branch(repository, branch=revision, exist_ok=True)
        done = api.upload_folder(
            repo_id=repository, folder_path=folder, revision=revision, commit_message=message, allow_patterns=[*FILES]
        )
    except Exception as error:
        raise InputError(f"{repository}: cannot be pushed: {_reason(error)}") from None
    return done.commit_url


def _hub() -> ModuleType:
    with needs("huggingface_hub"):
        import huggingface_hub
        from huggingface_hub.utils import disable_progress_bars, logging
    logging.set_verbosity_error()
    if not sys.stderr.isatty():
        disable_progress_bars()
    return huggingface_hub


def _reason(error: Exception) -> str:
    """The lines of an error as one."""
    return " ".join(str(error).split())[:300] or type(error).__name__
