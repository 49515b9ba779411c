"""Exported models that separate blocks of audio; see `auralflow_core.separation.separator`."""

import abc
from pathlib import Path

import numpy as np

from auralflow_core.errors import InputError
from auralflow_core.separation import separator


class Separator(separator.Separator):
    """An exported model in its runtime.

    Attributes:
        path: of its file, for messages.
    """

    path: Path

    @abc.abstractmethod
    def run(self, audio: np.ndarray) -> np.ndarray:
        """Maps float32 (1, channels, samples) to (1, targets, channels, samples)."""

    def estimate(self, mixture: np.ndarray) -> np.ndarray:
        """See the base class.

        Raises:
            InputError: the file opened, but its program fails, or returns something else than it says.
        """
        return np.concatenate([self._segment(np.ascontiguousarray(block[None], np.float32)) for block in mixture])

    def _segment(self, audio: np.ndarray) -> np.ndarray:
        expected = (1, len(self.targets), *audio.shape[1:])
        try:
            stems = self.run(audio)
        except Exception as error:  # runtimes' own share no base
            raise InputError(f"{self.path}: {self.RUNTIME} cannot run it: {first_line(error)}") from error
        if stems.shape != expected:
            raise InputError(f"{self.path}: returned stems of shape {stems.shape}, and says that they have {expected}")
        return stems

    def refine(self, mixture: np.ndarray, estimates: np.ndarray, iterations: int, residual: bool) -> np.ndarray:
        raise InputError("an exported model has no Wiener filter; the model that it was made from has one")


def first_line(error: Exception) -> str:
    """The beginning of a runtime's message, which may go on for pages."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
