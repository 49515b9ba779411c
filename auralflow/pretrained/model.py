"""What is known of a ready model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from auralflow.pretrained.download import PackagedFile, Source
from auralflow_core.config import Config
from auralflow_core.storage.cache import cache_folder
from bridge.importers.rename import State


@dataclass(frozen=True)
class ReadyModel:
    """A trained network, and how to get it.

    Attributes:
        name: as on the command line.
        config: the network, with settings to separate and to go on training with.
        sources: the published files.
        read: from those files, in that order, to the state dict of the configuration's torch network.
        megabytes: of what is fetched, or came with auralflow.
        licence: of the weights, in a word or two.
        credit: who made them, of what, and the terms in full: paragraphs for the folder's card.
        origin: where they come from, in a few words.
        quality: a figure, with what it was measured on and by whom.
    """

    name: str
    config: Config
    sources: tuple[Source | PackagedFile, ...]
    read: Callable[[Sequence[Path]], State]
    megabytes: float
    licence: str
    credit: str
    origin: str
    quality: str

    @property
    def targets(self) -> tuple[str, ...]:
        return self.config.model.targets

    @property
    def folder(self) -> Path:
        """Where its folder is kept, in the user's cache."""
        # Another version of auralflow may bring other weights of the same name.
        versions = [source.sha256[:8] for source in self.sources if isinstance(source, PackagedFile)]
        return cache_folder("models").joinpath(*versions, self.name)
