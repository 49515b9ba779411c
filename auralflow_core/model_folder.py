"""A model's folder: the one place that knows the names of the files in it."""

import json
from pathlib import Path
from typing import Any

from auralflow_core import config as configuration
from auralflow_core.config import Config
from auralflow_core.errors import InputError
from auralflow_core.storage.atomic import replacing


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
        self.last = self.checkpoint / "last.pt"  # the state from which a run in torch goes on
        self.evaluation = self.path / "evaluation.csv"
        self.report = self.path / "report.html"  # the same as a page, with excerpts to listen to
        self.audio = self.path / "audio"  # snippets of separated validation tracks
        self.images = self.path / "images"  # their spectrograms and waveforms
        self.runs = self.path / "runs"  # TensorBoard events
        self.run_outputs = (self.checkpoint, self.audio, self.images, self.runs, self.evaluation, self.report)

    @property
    def name(self) -> str:
        """The folder's own name, also for `.` or a path that ends in a slash."""
        return self.path.resolve().name

    def load_config(self) -> Config:
        """Reads config.json.

        Raises:
            InputError: there is no such file, it is no JSON, or it holds a wrong key or value.
        """
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
        if not self.weights.exists():
            raise InputError(
                f"{self.path}: the model is not trained yet, {self.weights} does not exist; "
                f"`auralflow train {self.path} DATASET` makes it"
            )
        return self.weights

    def move_run_aside(self) -> Path | None:
        """Moves what an earlier run wrote into `earlier-runs/N`; returns that folder, or None if there is nothing."""
        written = [path for path in self.run_outputs if path.exists()]
        if not written:
            return None
        number = 1
        while (aside := self.path / "earlier-runs" / str(number)).exists():
            number += 1
        aside.mkdir(parents=True)
        for path in written:
            path.rename(aside / path.name)
        return aside

    def save_config(self, config: Config) -> None:
        """Writes config.json, aside first, so that a failure leaves the old one."""
        with replacing(self.config_file) as aside:
            aside.write_text(json.dumps(configuration.to_dict(config), indent=2) + "\n", encoding="utf-8")


def read_config(file: str | Path) -> Config:
    """Reads a configuration from a file of any name.

    Raises:
        InputError: the file cannot be read, it is no JSON, or it holds a wrong key or value.
    """
    return configuration.from_dict(read_json(file), str(file))


def read_json(file: str | Path) -> Any:
    """Reads a file of JSON.

    Raises:
        InputError: it cannot be read, or is no JSON.
    """
    try:
        return json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{file}: not valid JSON at line {error.lineno}, column {error.colno}: {error.msg}") from None
