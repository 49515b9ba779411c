"""Where the spectrum of a signal ends abruptly, as it does after resampling and after lossy coding."""

import numpy as np

FRAME = 4096  # samples of a frame
LOWEST = 3400.0  # Hz; below, natural sounds end as abruptly
NEAR, FAR = 150.0, 800.0  # Hz below an edge between which the level is measured; above, it counts from NEAR on
DROP = 25.0  # dB by which the level drops at an edge, from its median below to its maximum above
# Hz that audio comes at. 12000 and 24000 cannot be told from the next lower ones; 32000 is rare, and lossy encoders end
# the spectrum there, too.
RATES = (8000, 11025, 16000, 22050, 44100, 48000, 88200, 96000)
BELOW, ABOVE = (0.75, 0.9), 1.2  # shares of half a rate: what resampling keeps as it was, and where nothing is left
EMPTY = 30.0  # dB from the one to the other
FLAT = 6.0  # dB by which the noise there may differ from band to band
BANDS = 8
CODED = (14500.0, 20700.0)  # Hz between which lossy encoders end the spectrum


class Spectrum:
    """Adds up the power spectra of frames of blocks (signals, channels, samples).

    Attributes:
        power: (signals, bins), in any unit; bin k lies at k * rate / FRAME.
    """

    def __init__(self, signals: int):
        self.power = np.zeros((signals, FRAME // 2 + 1))
        self._window = np.hanning(FRAME + 1)[:-1].astype(np.float32)

    def add(self, block: np.ndarray) -> None:
        """Takes every second frame of the next block, which is enough; the last samples fill none."""
        frames = block[..., : block.shape[-1] // FRAME * FRAME]
        frames = frames.reshape(*block.shape[:2], -1, FRAME)[:, :, ::2] * self._window
        self.power += np.square(np.abs(np.fft.rfft(frames)), dtype=np.float64).sum(axis=(1, 2))


def find_edge(power: np.ndarray, sample_rate: int) -> float | None:
    """The frequency in Hz above which a spectrum is empty, if it ends there within `2 * NEAR` Hz.

    Args:
        power: (bins,), a long-term spectrum from 0 Hz to half the rate.
        sample_rate: in Hz.

    Returns:
        None where the spectrum fades out, or reaches up to half the rate.
    """
    spacing = sample_rate / 2 / (len(power) - 1)
    near, far, lowest = (round(width / spacing) for width in (NEAR, FAR, LOWEST))
    places = np.arange(max(lowest, far), len(power) - near)
    if not len(places) or power.max() <= 0:
        return None
    level = _decibels(power)
    above = np.maximum.accumulate(level[::-1])[::-1]  # the maximum from a bin on
    below = np.median(np.lib.stride_tricks.sliding_window_view(level, far - near), axis=-1)
    drops = below[places - far] - above[places + near]
    if drops.max() < DROP:
        return None
    return float((places[drops >= drops.max() - 3][0] + near) * spacing)


def find_lower_rate(power: np.ndarray, sample_rate: int) -> int | None:
    """The rate in Hz that audio was resampled from, if the spectrum is empty above half of it.

    Arguments as `find_edge`. None also where a lossy encoder may have ended the spectrum.
    """
    edge = find_edge(power, sample_rate)
    for rate in RATES:
        if rate >= sample_rate or power.max() <= 0:
            break
        if edge is not None and 0.88 * rate / 2 <= edge <= 1.02 * rate / 2 and not CODED[0] <= edge <= CODED[1]:
            return rate
        if edge is not None and max(CODED[0], 0.9 * rate / 2) <= edge <= CODED[1]:
            continue
        bins = rate / 2 / (sample_rate / 2) * (len(power) - 1)
        level = _decibels(power)
        kept, rest = level[round(BELOW[0] * bins) : round(BELOW[1] * bins)], level[round(ABOVE * bins) :]
        if rate / 2 < LOWEST or rest.size < BANDS:
            continue
        near = level[round(ABOVE * bins) : round(ABOVE**2 * bins)]
        floor = [np.median(part) for part in (near, *np.array_split(rest, BANDS))]
        if np.median(kept) - max(floor) >= EMPTY and np.ptp(floor) <= FLAT:
            return rate
    return None


def _decibels(power: np.ndarray) -> np.ndarray:
    return 10 * np.log10(np.maximum(power / power.max(), 1e-30))
