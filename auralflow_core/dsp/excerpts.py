"""The part of a signal that is worth hearing."""

import numpy as np

from auralflow_core.audio.check import check_layout


def loudest(audio: np.ndarray, window: int, step: int) -> int:
    """Finds where the part of a signal with most energy begins.

    Args:
        audio: (channels, samples).
        window: length of the part, in samples, at most the signal's.
        step: distance between the starts that are compared, in samples.

    Returns:
        The first sample; of parts with equal energy the earliest.

    Raises:
        InputError: an array that is no audio (see `auralflow_core.audio.check`).

    Example:
        >>> loudest(np.array([[0, 0, 1, 5, 5, 0, 1.0]]), 2, 1)
        3
    """
    check_layout(audio)
    samples = audio.shape[1]
    energies = [np.sum(np.square(audio[:, at : at + step], dtype=np.float64)) for at in range(0, samples, step)]
    total = np.concatenate([[0.0], np.cumsum(energies)])
    steps = min(len(energies), -(-window // step))
    return min(int(np.argmax(total[steps:] - total[:-steps])) * step, samples - window)
