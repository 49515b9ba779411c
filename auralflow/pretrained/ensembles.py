"""Ensembles of pretrained models, by the names of their files in configs/ensembles."""

from pathlib import Path

from auralflow_core.config.templates import templates_folder


def ensembles() -> dict[str, Path]:
    """The JSON of each ensemble, by name."""
    return {path.stem: path for path in sorted((templates_folder() / "ensembles").glob("*.json"))}
