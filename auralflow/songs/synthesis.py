"""Building blocks of sound: wavetables, time-varying filters, coloured noise and rooms."""

from collections.abc import Sequence

import numpy as np

TABLE = 16384  # samples of one period; enough to read the nearest one without interpolation


def wavetable(amplitudes: np.ndarray, phases: np.ndarray | float = 0.0) -> np.ndarray:
    """One period of a sum of harmonics, scaled to an RMS of one.

    Args:
        amplitudes: (harmonics,), of the fundamental and its multiples; fewer than `TABLE // 2`.
        phases: (harmonics,) or one for all, radians, of cosines.

    Returns:
        (`TABLE`,) float32.
    """
    spectrum = np.zeros(TABLE // 2 + 1, np.complex64)
    spectrum[1 : len(amplitudes) + 1] = amplitudes * np.exp(1j * np.asarray(phases))
    period = np.fft.irfft(spectrum, TABLE)
    return (period / (np.sqrt(np.mean(period**2)) + 1e-12)).astype(np.float32)


def oscillate(tables: np.ndarray, cycles: np.ndarray, level: np.ndarray | int = 0) -> np.ndarray:
    """Reads wavetables.

    Args:
        tables: (`TABLE`,) or (levels, `TABLE`).
        cycles: (samples,), the number of periods since the start.
        level: (samples,) or one for all, the number of the table.

    Returns:
        (samples,) float32.
    """
    return tables.reshape(-1).take(((cycles * TABLE).astype(np.int64) & (TABLE - 1)) + TABLE * level)


def smooth(track: np.ndarray, width: int) -> np.ndarray:
    """Averages the last axis with a Hann window of `width` points; the ends are extended by their last values."""
    width = max(1, width) | 1
    window = np.hanning(width + 2)[1:-1]
    padded = np.pad(track, [(0, 0)] * (track.ndim - 1) + [(width // 2, width // 2)], mode="edge")
    return np.apply_along_axis(np.convolve, -1, padded, window / window.sum(), mode="valid")


def coloured_noise(rng: np.random.Generator, samples: int, sample_rate: int, gain) -> np.ndarray:
    """White noise through a filter given as a function of frequency.

    Args:
        rng: the random generator.
        samples: length.
        sample_rate: Hz.
        gain: maps frequencies (bins,) in Hz to linear gains.

    Returns:
        (samples,) float32 with an RMS of one.
    """
    size = fast_size(samples)
    spectrum = np.fft.rfft(rng.standard_normal(size, np.float32))
    noise = np.fft.irfft(spectrum * gain(np.fft.rfftfreq(size, 1 / sample_rate)), size)[:samples]
    return (noise / (np.sqrt(np.mean(noise**2)) + 1e-12)).astype(np.float32)


def bell(frequencies: np.ndarray, centre: float, octaves: float) -> np.ndarray:
    """A Gaussian over log-frequency: 1 at `centre` Hz, exp(-1/2) at `octaves` above and below it."""
    return np.exp(-0.5 * (np.log2(np.maximum(frequencies, 1.0) / centre) / octaves) ** 2)


def room(rng: np.random.Generator, seconds: float, sample_rate: int) -> np.ndarray:
    """The reverberation of a room: two independent noises whose high frequencies decay faster.

    Args:
        rng: the random generator.
        seconds: time in which the tail falls by 60 dB.
        sample_rate: Hz.

    Returns:
        (2, samples) float32, a unit-energy impulse response without the direct sound.
    """
    samples = int(seconds * sample_rate)
    time = np.arange(samples) / sample_rate
    tail = np.zeros((2, samples))
    for channel in tail:
        for centre, life in ((500, seconds), (2000, 0.7 * seconds), (6000, 0.4 * seconds)):
            noise = coloured_noise(rng, samples, sample_rate, lambda f, centre=centre: bell(f, centre, 1.0))
            # wider bands carry more power, so that the room is about as loud at all frequencies
            channel += np.sqrt(centre) * noise * np.exp(-6.9 * time / life)
    tail *= 1 - np.exp(-time / 0.01)  # the first reflections need time to arrive
    return (tail / np.sqrt(np.sum(tail**2, axis=1, keepdims=True))).astype(np.float32)


def reverberate(signal: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Convolves (samples,) with each channel of `response` (2, taps): (2, samples) float32."""
    size = fast_size(signal.shape[-1] + response.shape[-1])
    spectrum = np.fft.rfft(signal.astype(np.float32), size) * np.fft.rfft(response, size)
    return np.fft.irfft(spectrum, size)[:, : signal.shape[-1]].astype(np.float32)


def limiter(signals: Sequence[np.ndarray], ceiling: float, sample_rate: int) -> np.ndarray:
    """A gain that changes slowly and keeps every signal within a ceiling.

    Args:
        signals: each (channels, samples).
        ceiling: the largest magnitude that passes.
        sample_rate: Hz.

    Returns:
        (samples,) float32, at most 1; lowered for about 50 ms around a peak.
    """
    frames = Frames(signals[0].shape[1], sample_rate)
    peaks = np.zeros((frames.count, frames.hop), np.float32)
    peaks.reshape(-1)[: frames.samples] = np.maximum.reduce([np.abs(signal).max(axis=0) for signal in signals])
    peaks = peaks.max(axis=1)
    # A sample's gain is interpolated between its block's frame and the next one, so a frame counts for two blocks.
    allowed = np.minimum(1, ceiling / np.maximum(np.maximum(peaks, np.roll(peaks, 1)), 1e-9))
    width = round(0.05 * frames.rate) | 1
    padded = np.pad(allowed, width // 2, mode="edge")
    lowest = np.lib.stride_tricks.sliding_window_view(padded, width).min(axis=1)
    return frames.at_samples(smooth(lowest, width)).astype(np.float32)


def fast_size(samples: int) -> int:
    """A length of at least `samples` whose Fourier transform is fast: m times a power of two, m <= 16."""
    step = 1 << max(0, samples.bit_length() - 4)
    return -(-samples // step) * step


class Frames:
    """Overlapping frames of a signal: 23 ms long, a quarter of that apart, with Hann windows in both directions.

    Frame `i` is centred on sample `i * hop`. Multiplying the spectra by smooth gains makes a time-varying filter.

    Args:
        samples: length of the signal.
        sample_rate: Hz.
    """

    def __init__(self, samples: int, sample_rate: int):
        self.samples, self.sample_rate = samples, sample_rate
        self.size = 1 << round(np.log2(0.0232 * sample_rate))
        self.hop = self.size // 4
        self.count = -(-samples // self.hop) + 1
        self.rate = sample_rate / self.hop  # frames in a second
        self.frequencies = np.fft.rfftfreq(self.size, 1 / sample_rate).astype(np.float32)
        self.window = np.sin(np.pi * np.arange(self.size, dtype=np.float32) / self.size) ** 2

    def analyze(self, signal: np.ndarray) -> np.ndarray:
        """(samples,) -> complex (frames, bins)."""
        padded = np.zeros((self.count + 3) * self.hop, np.float32)
        padded[2 * self.hop : 2 * self.hop + self.samples] = signal
        frames = np.lib.stride_tricks.sliding_window_view(padded, self.size)[:: self.hop]
        return np.fft.rfft(frames * self.window)

    def synthesize(self, spectra: np.ndarray) -> np.ndarray:
        """Complex (frames, bins) -> (samples,) float32; the inverse of `analyze`."""
        frames = np.fft.irfft(spectra, self.size).astype(np.float32) * self.window
        blocks, weights = np.zeros((2, self.count + 3, self.hop), np.float32)
        for quarter in range(4):
            columns = slice(quarter * self.hop, (quarter + 1) * self.hop)
            blocks[quarter : quarter + self.count] += frames[:, columns]
            weights[quarter : quarter + self.count] += self.window[columns] ** 2
        inside = slice(2 * self.hop, 2 * self.hop + self.samples)
        return blocks.reshape(-1)[inside] / weights.reshape(-1)[inside]

    def at_samples(self, track: np.ndarray) -> np.ndarray:
        """Interpolates a value per frame (frames,) to one per sample (samples,)."""
        return np.interp(np.arange(self.samples), np.arange(self.count) * self.hop, track)
