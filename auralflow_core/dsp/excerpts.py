"""The part of a signal that is worth hearing."""

import numpy as np

from auralflow_core.audio.check import check_layout


def loudest(audio: np.ndarray, window: int, step: int, mixture: np.ndarray | None = None) -> int:
    """Finds where the part of a signal with most energy begins.

    Args:
        audio: (channels, samples).
        window: length of the part, in samples, at most the signal's.
        step: distance between the starts that are compared, in samples.
        mixture: of which the signal is a part, same shape: the part is then the one in which most is heard of the
            signal and of all else at the same time, by the geometric mean of both energies in every step; where
            nothing else is heard at all, the signal alone counts.

    Returns:
        The first sample; of parts that are equally good the earliest.

    Raises:
        InputError: an array that is no audio (see `auralflow_core.audio.check`).

    Example:
        >>> loudest(np.array([[0, 0, 1, 5, 5, 0, 1.0]]), 2, 1)
        3
        >>> loudest(np.array([[0, 0, 1, 5, 5, 0, 1.0]]), 2, 1, np.array([[0, 0, 1, 5, 5, 3, 4.0]]))
        5
    """
    check_layout(audio)
    samples = audio.shape[1]
    starts = range(0, samples, step)
    energies = np.array([_energy(audio[:, at : at + step]) for at in starts])
    if mixture is not None:
        rest = [_energy(np.subtract(mixture[:, at : at + step], audio[:, at : at + step])) for at in starts]
        together = np.sqrt(energies * np.array(rest))
        energies = together if together.any() else energies
    total = np.concatenate([[0.0], np.cumsum(energies)])
    steps = min(len(energies), -(-window // step))
    return min(int(np.argmax(total[steps:] - total[:-steps])) * step, samples - window)


def _energy(audio: np.ndarray) -> float:
    return float(np.sum(np.square(audio, dtype=np.float64)))
