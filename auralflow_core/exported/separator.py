"""Exported models that separate blocks of audio; see `auralflow_core.separation.separator`."""

import abc

import numpy as np

from auralflow_core.errors import InputError
from auralflow_core.separation import separator


class Separator(separator.Separator):
    """An exported model in its runtime."""

    @abc.abstractmethod
    def run(self, audio: np.ndarray) -> np.ndarray:
        """Maps float32 (1, channels, samples) to (1, targets, channels, samples)."""

    def estimate(self, mixture: np.ndarray) -> np.ndarray:
        return np.concatenate([self.run(np.ascontiguousarray(block[None], np.float32)) for block in mixture])

    def refine(self, mixture: np.ndarray, estimates: np.ndarray, iterations: int, residual: bool) -> np.ndarray:
        raise InputError("an exported model has no Wiener filter; the model that it was made from has one")
