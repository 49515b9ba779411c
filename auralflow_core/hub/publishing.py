"""The members of a model that publish it, the same in both packages."""

import abc
import tempfile
from pathlib import Path
from typing import Any

from auralflow_core.hub.remote import push
from auralflow_core.hub.repository import write_repository
from auralflow_core.weights.file import TensorFile


class Publishable(abc.ABC):
    """A model that can be written as a repository, and pushed to the Hugging Face Hub."""

    @abc.abstractmethod
    def _repository_file(self, folder: str | Path) -> TensorFile:
        """The weights under torch's names; refuses, naming the folder, what could not be read again."""

    def save_pretrained(self, folder: str | Path, **card: Any) -> None:
        """Writes a repository's folder for the Hugging Face Hub: config.json, model.safetensors and README.md.

        Every command takes it as a model folder, too. The tensors have torch's names.

        Args:
            folder: a new folder, which appears whole or not at all; or one that an earlier call wrote.
            card: `license`, `base_model`, `datasets` and `scores`, which README.md is to name; see
                `auralflow_core.hub.repository.write_repository`.

        Raises:
            InputError: the path is something else, or the folder holds a training run.
        """
        write_repository(folder, self._repository_file(folder), **card)

    def push_to_hub(
        self,
        repository: str,
        *,
        private: bool | None = None,
        token: str | None = None,
        revision: str | None = None,
        **card: Any,
    ) -> str:
        """Pushes what `save_pretrained` writes to the Hugging Face Hub, and returns the address of the commit.

        Args:
            repository: USER/MODEL, which is made where it does not exist.
            private: of a new repository; default: what the account says.
            token: default: the one that `hf auth login` or the variable HF_TOKEN gave.
            revision: the branch; default: main.
            card: see `save_pretrained`.

        Raises:
            InputError: the Hub refuses it, or cannot be reached.
            MissingPackage: huggingface_hub is not installed.
        """
        with tempfile.TemporaryDirectory() as parent:
            self.save_pretrained(folder := Path(parent, Path(repository).name), **card)
            return push(folder, repository, private=private, token=token, revision=revision)
