"""Loudness as broadcasters measure it: ITU-R BS.1770."""

import numpy as np

from auralflow_core.audio.check import check_layout
from auralflow_core.audio.resample import resample

RATE = 48_000  # Hz, of the filters below
# The two filters of K-weighting as numerators and denominators in z^-1: ITU-R BS.1770-4, annex 1, tables 1 and 2. The
# first stands for the head, which favours high frequencies; the second leaves out the lowest.
K_WEIGHTING = (
    ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585)),
    ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621)),
)
DECAY = 8192  # samples after which the filters' response to anything is gone (1e-17)
BLOCK, STEP = 19_200, 4_800  # samples: 400 ms, which overlap by three quarters
ABSOLUTE_GATE, RELATIVE_GATE = -70.0, -10.0  # LUFS, and LU relative to all that is above the absolute gate
OFFSET = -0.691  # dB, which makes a sine of 997 Hz as loud as it is high


def loudness(audio: np.ndarray, sample_rate: int) -> float:
    """Measures the integrated loudness of a short signal of one or two channels.

    Blocks of 400 ms that are softer than -70 LUFS, or more than 10 LU softer than the mean of the others, do not count:
    ITU-R BS.1770-4, "Algorithms to measure audio programme loudness and true-peak audio level", annex 1. Rests
    therefore do not make a signal softer. One that is shorter than a block counts as a whole.

    Args:
        audio: (channels, samples), held in memory several times over.
        sample_rate: in Hz.

    Returns:
        LUFS; -inf for a signal softer than -70 LUFS.

    Raises:
        InputError: an array that is no audio (see `auralflow_core.audio.check`).

    Example:
        >>> time = np.arange(48_000) / 48_000
        >>> print(f"{loudness(np.sin(2 * np.pi * 997 * time)[None], 48_000):.2f}")  # mono, full scale
        -3.01
    """
    check_layout(audio)
    weighted = _weight(resample(np.asarray(audio, np.float32), sample_rate, RATE))
    starts = range(0, max(1, weighted.shape[1] - BLOCK + 1), STEP)
    powers = np.array([np.mean(np.square(weighted[:, at : at + BLOCK]), axis=1).sum() for at in starts])
    heard = powers[_decibel(powers) > ABSOLUTE_GATE]
    if not heard.size:
        return -np.inf
    return float(_decibel(np.mean(heard[_decibel(heard) > _decibel(np.mean(heard)) + RELATIVE_GATE])))


def _weight(audio: np.ndarray) -> np.ndarray:
    """Audio (channels, samples) after both filters, float64; they are applied to its spectrum."""
    samples = audio.shape[1]
    padded = 1 << (samples + DECAY - 1).bit_length()
    delay = np.exp(-2j * np.pi * np.arange(padded // 2 + 1) / padded)  # z^-1 on the unit circle
    response = np.ones(len(delay), complex)
    for numerator, denominator in K_WEIGHTING:
        response *= np.polyval(numerator[::-1], delay) / np.polyval(denominator[::-1], delay)
    return np.fft.irfft(np.fft.rfft(audio, padded) * response, padded)[:, :samples]


def _decibel(power: np.ndarray) -> np.ndarray:
    return OFFSET + 10 * np.log10(np.maximum(power, 1e-30))
