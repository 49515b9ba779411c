"""Inspection of a dataset: what is to be known before one trains on it."""

from pathlib import Path

from auralflow.api.results import check_writable
from auralflow.inspection.dataset import Inspection, inspect_dataset
from auralflow_core.errors import InputError, printable
from auralflow_core.model_folder import ModelFolder
from auralflow_core.storage.json_files import write_json

INSPECTED = "inspected"  # the folder for the folders of datasets
PAGE, LIST = "inspection.html", "exclude.json"


def inspect(
    dataset: str | Path, model: str | Path | None = None, save: str | Path | None = None
) -> tuple[Inspection, Path, Path]:
    """Decodes every file of a dataset once in full, and writes a page and a list of the tracks to leave out.

    Args:
        dataset: a folder with `<split>/<track>/<stem>.wav`.
        model: a model folder, whose settings are compared with the tracks.
        save: a folder for the page and the list. Default: `inspected/<dataset>`.

    Returns:
        The findings, the page and the list. The list is JSON, as the setting `dataset.exclude` takes it.

    Raises:
        InputError: there are no tracks, the model folder has no settings, or nothing can be written.

    Example:
        inspection, page, exclude = inspect("musdb18")
        inspection.exclude  # ["train/Some song"]
    """
    from auralflow.report.inspection import write_inspection

    config = None if model is None else ModelFolder(model).load_config()
    folder = Path(save) if save is not None else Path(INSPECTED, Path(dataset).resolve().name)
    if not Path(dataset).is_dir():
        raise InputError(f"{dataset}: no such folder")
    check_writable(folder)
    inspection = inspect_dataset(dataset, config)
    write_inspection(folder / PAGE, inspection)
    write_json(folder / LIST, list(map(printable, inspection.exclude)))
    return inspection, folder / PAGE, folder / LIST
