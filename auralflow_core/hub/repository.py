"""A repository of a model: config.json, model.safetensors and README.md, as the Hub and its tools expect them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from auralflow_core import config as configuration
from auralflow_core.config import Config
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_core.storage.atomic import new_folder, replacing_together
from auralflow_core.storage.json_files import write_json
from auralflow_core.storage.staging import is_vacant
from auralflow_core.weights.file import TensorFile, write_tensors

CARD = "README.md"
USE = """```bash
pip install 'auralflow[hub]'
auralflow separate --model hf:{repository} song.mp3
```
"""


def write_repository(
    folder: str | Path,
    file: TensorFile,
    *,
    license: str | None = None,
    base_model: str | None = None,
    datasets: Sequence[str] = (),
    scores: Mapping[str, Mapping[str, float]] = {},
) -> None:
    """Writes the folder of a repository, which every command takes as a model, too.

    Args:
        folder: a new folder, which appears whole or not at all; or one that an earlier call wrote. Its README.md is
            kept, unless one of the following says something new.
        file: weights of the format TORCH.
        license: the Hub's name of it, such as `mit`.
        base_model: the repository of the model that training started from.
        datasets: that it was trained on, as repositories of the Hub or by their names.
        scores: dataset -> name of a metric, such as `SI-SDR vocals` -> its value.

    Raises:
        InputError: the path is something else, or a model folder with a training run.
    """
    path = Path(folder)
    paths = ModelFolder(path)
    text = write_card(path.resolve().name, file.config, license, base_model, datasets, scores)
    if is_vacant(path):
        with new_folder(path) as aside:
            ModelFolder(aside).save_config(file.config)
            write_tensors(ModelFolder(aside).published, file)
            (aside / CARD).write_text(text, encoding="utf-8")
        return
    if not paths.published.exists() or paths.checkpoint.exists():
        raise InputError(f"{path}: exists already and is not what save_pretrained wrote; name a new folder")
    is_new = not (path / CARD).exists() or license or base_model or datasets or scores
    files = [paths.config_file, paths.published, *([path / CARD] if is_new else [])]
    with replacing_together(path, files) as asides:
        write_json(asides[0], configuration.to_dict(file.config))
        write_tensors(asides[1], file)
        if is_new:
            asides[2].write_text(text, encoding="utf-8")


def write_card(
    name: str,
    config: Config,
    license: str | None,
    base_model: str | None,
    datasets: Sequence[str],
    scores: Mapping[str, Mapping[str, float]],
) -> str:
    """The README of a repository, with the front matter that the Hub reads; see `write_repository`."""
    task = {"type": "audio-to-audio", "name": "Music source separation"}
    results = [
        {
            "task": task,
            "dataset": {"type": dataset.lower().replace(" ", "-"), "name": dataset},
            "metrics": [
                {"type": metric.split()[0].lower(), "name": metric, "value": value} for metric, value in found.items()
            ],
        }
        for dataset, found in scores.items()
    ]
    front: dict[str, Any] = {
        "library_name": "auralflow",
        "pipeline_tag": "audio-to-audio",
        "tags": ["music-source-separation", *config.model.targets],
        "license": license,
        "base_model": base_model,
        "datasets": [*datasets],
        "model-index": [{"name": name, "results": results}] if results else [],
    }
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in front.items() if value]  # is YAML, too
    model = config.model
    channels = "mono" if model.num_channels == 1 else "stereo"
    about = f"Separates {', '.join(model.targets)}: {type(model).__name__}, {model.sample_rate} Hz, {channels}."
    return "\n".join(["---", *lines, "---", "", f"# {name}", "", about, "", USE.format(repository=f"USER/{name}")])
