"""Exported models in onnxruntime, which needs neither jax nor torch."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from auralflow_core.config import Config
from auralflow_core.errors import InputError
from auralflow_core.exported import separator
from auralflow_core.exported.description import Description, from_text
from auralflow_core.exported.paths import KEY
from auralflow_core.optional import needs

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")  # those that are there, in this order
ERRORS = 3  # of onnxruntime's levels: it would warn of each weight that it rearranges


@dataclass(frozen=True, repr=False)
class Separator(separator.Separator):
    """An ONNX file that separates blocks of audio.

    Attributes:
        path: of the file.
        session: of onnxruntime.
        config: the configuration that the weights were trained with.
    """

    RUNTIME: ClassVar[str] = "onnxruntime"

    path: Path
    session: "InferenceSession"
    config: Config

    @property
    def device(self) -> str:
        """The kind of device that computes, such as cpu."""
        return self.session.get_providers()[0].removesuffix("ExecutionProvider").lower()

    def run(self, audio: np.ndarray) -> np.ndarray:
        return runner(self.session)(audio)


def load(path: str | Path) -> Separator:
    """Opens an exported model.

    Raises:
        InputError: the file cannot be read, or `auralflow export` did not write it.
        MissingPackage: onnxruntime is not installed.
    """
    session = open_session(path)
    return Separator(Path(path), session, describe(session, str(path)).settings(str(path)))


def describe(session: "InferenceSession", origin: str) -> Description:
    """The description in a file's metadata; see `from_text`."""
    try:
        text = session.get_modelmeta().custom_metadata_map.get(KEY)
    except UnicodeDecodeError as error:
        raise InputError(f"{origin}: its description of the model is damaged: {error}") from None
    return from_text(text, origin)


def open_session(path: str | Path) -> "InferenceSession":
    """Opens a file in onnxruntime.

    Raises:
        InputError: it cannot be read.
        MissingPackage: onnxruntime is not installed.
    """
    with needs("onnxruntime"):
        import onnxruntime
    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS
    options.add_session_config_entry("session.disable_quant_qdq", "1")  # small weights are expanded once, when it opens
    providers = [name for name in PROVIDERS if name in onnxruntime.get_available_providers()]
    try:
        return onnxruntime.InferenceSession(path, options, providers)
    except Exception as error:  # onnxruntime's own share no base
        raise InputError(
            f"{path}: onnxruntime cannot open it, it is damaged or no ONNX file: {separator.first_line(error)}"
        ) from None


def open_program(path: str | Path) -> Callable[[np.ndarray], np.ndarray]:
    """The program in a file: (1, channels, samples) to (1, targets, channels, samples)."""
    return runner(open_session(path))


def runner(session: "InferenceSession") -> Callable[[np.ndarray], np.ndarray]:
    """The program of a session."""
    (name,) = (entry.name for entry in session.get_inputs())
    return lambda audio: np.asarray(session.run(None, {name: audio})[0])
