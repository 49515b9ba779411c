"""Rounding of audio to the values that files of integers hold."""

import numpy as np

from auralflow_core.audio.check import check_type
from auralflow_core.errors import InputError, closest

PCM_BITS = {"PCM_16": 16, "PCM_24": 24}


def quantize(audio: np.ndarray, subtype: str) -> tuple[np.ndarray, int]:
    """Rounds audio to the values that a file of this subtype holds.

    Args:
        audio: any shape.
        subtype: "FLOAT", "PCM_16" or "PCM_24".

    Returns:
        float32 audio of the same shape, exactly as it is read from the file, and the number of clipped values, which
        lie outside [-1, 1 - 2^-(bits - 1)] after rounding.

    Raises:
        InputError: integers, or an unknown subtype.

    Example:
        >>> quantize(np.array([0.5, 1e-6, -2.0]), "PCM_16")
        (array([ 0.5,  0. , -1. ], dtype=float32), 1)
    """
    check_type(audio, "audio")
    audio = np.asarray(audio, np.float32)
    if subtype == "FLOAT":
        return audio.copy(), 0
    if subtype not in PCM_BITS:
        raise InputError(f"cannot quantize to subtype {subtype!r}; {closest(subtype, ('FLOAT', *PCM_BITS))}")
    scale = np.float32(2.0 ** (PCM_BITS[subtype] - 1))
    steps = np.rint(audio * scale)
    clipped = np.clip(steps, -scale, scale - 1)
    return (clipped + np.float32(0)) / scale, int(np.count_nonzero(steps != clipped))  # + 0: no negative zeros
