"""How exported models are told from others, by their names."""

from pathlib import Path

SUFFIX = ".onnx"


def is_exported(path: str | Path) -> bool:
    """Whether a path is that of an exported model that runs here."""
    return Path(path).suffix.lower() == SUFFIX and Path(path).is_file()
