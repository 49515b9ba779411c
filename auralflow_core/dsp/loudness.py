"""Loudness as broadcasters measure it: ITU-R BS.1770."""

import numpy as np

from auralflow_core.audio.check import check_layout

DECAY = 0.17  # seconds after which the filters' response to anything is gone (1e-17)
BLOCK, STEP = 0.4, 0.1  # seconds: blocks overlap by three quarters
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
    weighted = _weight(audio, sample_rate)
    block, step = round(BLOCK * sample_rate), round(STEP * sample_rate)
    starts = range(0, max(1, weighted.shape[1] - block + 1), step)
    powers = np.array([np.mean(np.square(weighted[:, at : at + block]), axis=1).sum() for at in starts])
    heard = powers[_decibel(powers) > ABSOLUTE_GATE]
    if not heard.size:
        return -np.inf
    return float(_decibel(np.mean(heard[_decibel(heard) > _decibel(np.mean(heard)) + RELATIVE_GATE])))


def k_weighting(sample_rate: float) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """The two filters of K-weighting as numerators and denominators in z^-1.

    The first stands for the head, which favours high frequencies; the second leaves out the lowest. The standard has
    their coefficients for 48 kHz alone; these are those of the analogue filters behind them for any rate, by the
    bilinear transform: De Man, "Evaluation of Implementations of the EBU R128 Loudness Measurement", AES 145, 2018.

    Args:
        sample_rate: in Hz.

    Returns:
        For each filter three coefficients each, of 1, z^-1 and z^-2.
    """
    k, q, high = np.tan(np.pi * 1681.974450955533 / sample_rate), 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    head = np.array([high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k])
    below = np.array([1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k])
    k, q = np.tan(np.pi * 38.13547087602444 / sample_rate), 0.5003270373238773
    low = np.array([1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k])
    return (head / below[0], below / below[0]), (np.array([1.0, -2.0, 1.0]), low / low[0])


def _weight(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Audio (channels, samples) after both filters, float64; they are applied to its spectrum."""
    samples = audio.shape[1]
    padded = 1 << (samples + round(DECAY * sample_rate)).bit_length()
    delay = np.exp(-2j * np.pi * np.arange(padded // 2 + 1) / padded)  # z^-1 on the unit circle
    response = np.ones(len(delay), complex)
    for numerator, denominator in k_weighting(sample_rate):
        response *= np.polyval(numerator[::-1], delay) / np.polyval(denominator[::-1], delay)
    return np.fft.irfft(np.fft.rfft(audio, padded) * response, padded)[:, :samples]


def _decibel(power: np.ndarray | np.floating) -> np.ndarray:
    return OFFSET + 10 * np.log10(np.maximum(power, 1e-30))
