"""Reading crops of tracks at any sample rate, in mono or stereo."""

import math
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np

from auralflow_core.audio import fit, read, resample, to_channels
from auralflow_core.data.track import Track

MARGIN = 512  # samples, at the lower of the two rates, that resampling reads on either side of a crop

Decode = Callable[[Path, int, int], tuple[np.ndarray, int]]  # file, first sample, samples -> audio, rate: `audio.read`


def track_samples(track: Track, sample_rate: int) -> int:
    """The track's length in samples at a rate in Hz."""
    return -(-track.samples * sample_rate // track.sample_rate)


def read_stems(
    track: Track,
    names: Collection[str],
    start: int,
    samples: int,
    sample_rate: int,
    channels: int,
    decode: Decode = read,
) -> np.ndarray:
    """Reads a crop of some stems; the result is that of resampling the whole files first.

    Args:
        track: the track.
        names: of stems; one without a file is the mixture less all other stems.
        start: the first sample, counted at `sample_rate`.
        samples: number of samples, at `sample_rate`; beyond the track's end they are zeros.
        sample_rate: of the result, in Hz.
        channels: 1 or 2; stereo is averaged to mono, mono duplicated.
        decode: reads a crop of a file at the file's own rate.

    Returns:
        float32 `(stems, channels, samples)`.
    """
    place = (start, samples, sample_rate, channels, decode)
    files: dict[Path, np.ndarray] = {}  # each is read once

    def crop(path: Path) -> np.ndarray:
        if path not in files:
            files[path] = _read_crop(track, path, *place)
        return files[path]

    def stem(name: str) -> np.ndarray:
        if (path := track.stems[name]) is not None:
            return crop(path)
        mixture, *others = map(crop, track.files.values())
        return mixture - sum(others)

    return np.stack([stem(name) for name in names])


def read_mixture(
    track: Track, start: int, samples: int, sample_rate: int, channels: int, decode: Decode = read
) -> np.ndarray:
    """Reads a crop of the mixture file, or else of the sum of all stems: float32 `(channels, samples)`."""
    if track.mixture is None:
        return read_stems(track, track.stems, start, samples, sample_rate, channels, decode).sum(axis=0)
    return _read_crop(track, track.mixture, start, samples, sample_rate, channels, decode)


def _read_crop(
    track: Track, path: Path, start: int, samples: int, rate: int, channels: int, decode: Decode
) -> np.ndarray:
    # Input sample k * down lies at the time of output sample k * up.
    divisor = math.gcd(track.sample_rate, rate)
    up, down = rate // divisor, track.sample_rate // divisor
    margin = -(-MARGIN * rate // min(rate, track.sample_rate)) if up != down else 0
    block = max(0, start - margin) // up
    first = block * down
    end = min(track.samples, -(-(start + samples + margin) * track.sample_rate // rate))
    last = min(end, track.lengths.get(path, end))  # where the file ends before the track, silence follows
    if first >= last:
        return np.zeros((channels, samples), np.float32)
    audio = fit(to_channels(decode(path, first, last - first)[0], channels), end - first)
    skip = start - block * up
    return fit(resample(audio, track.sample_rate, rate)[:, skip:], samples)
