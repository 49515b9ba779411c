"""From files to files in torch: `auralflow.separate` and `auralflow.evaluate` with this backend."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from auralflow.api import separation as pipelines
from auralflow.api.evaluation import Evaluation
from auralflow_core.separation.stems import SeparationResult


def separate(
    model: str | Path, inputs: str | Path | Iterable[str | Path], save: str | Path = "separated", **options: Any
) -> SeparationResult:
    """Separates audio files into files of stems.

    For tensors, see `SeparationModel.separate`; for numpy arrays of any sample rate, `auralflow_torch.separation`.

    Args:
        model: a model folder, or a ready model's name.
        inputs: audio files, folders of them, or tracks' folders with a mixture in them; or a single one.
        save: the folder for everything.
        options: the others of `auralflow.separate`, the flags of the command.

    Returns:
        See `auralflow.separate`, as for what is raised.

    Example:
        auralflow_torch.separate("my_model", "song.mp3", residual=True, duration=90)
    """
    return pipelines.separate(model, inputs, save, backend="torch", **options)


def evaluate(
    model: str | Path,
    dataset: str | Path,
    split: str = "test",
    metrics: str = "bss_eval",
    compare: str | Path | Iterable[str | Path] = (),
    report: bool = True,
) -> Evaluation:
    """Measures how good a model is on songs whose stems are known; see `auralflow.evaluate`.

    Args:
        model: a model folder, or a ready model's name.
        dataset: a folder with `<split>/<track>/<stem>.wav`.
        split: which tracks.
        metrics: one of `auralflow_core.evaluation.metrics.METRICS`; without jax, `sdr`.
        compare: other models, shown beside this one.
        report: also write report.html.
    """
    return pipelines.evaluate(model, dataset, split, metrics, "torch", compare, report)
