"""The description of a pretrained model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from auralflow.pretrained.download import PackagedFile, PublishedFile
from auralflow_core.config import Config
from auralflow_core.storage.cache import cache_folder
from bridge.importers.rename import State


@dataclass(frozen=True)
class PretrainedModel:
    """A trained network, and how to get it.

    Attributes:
        name: the name on the command line.
        config: the network, with settings for separation and for further training.
        files: the published files.
        read: a function from the paths of those files, in that order, to the state dict of the torch network.
        megabytes: the size of the files.
        licence: of the weights, in a word or two.
        credit: who made the weights, from what, and the terms in full: paragraphs for the folder's README.
        origin: where the files come from, in a few words.
        quality: a published score, with the data it was measured on and who measured it; empty without one. Scores that
            compare are in `measured`.
    """

    name: str
    config: Config
    files: tuple[PublishedFile | PackagedFile, ...]
    read: Callable[[Sequence[Path]], State]
    megabytes: float
    licence: str
    credit: str
    origin: str
    quality: str

    def __repr__(self) -> str:
        return f"PretrainedModel({self.name!r}, targets={self.targets}, licence={self.licence!r})"

    @property
    def targets(self) -> tuple[str, ...]:
        return self.config.model.targets

    @property
    def folder(self) -> Path:
        """Its model folder in the user's cache; it need not exist."""
        # Another version of auralflow may bring other weights of the same name.
        versions = [file.sha256[:8] for file in self.files if isinstance(file, PackagedFile)]
        return cache_folder("models").joinpath(*versions, self.name)
