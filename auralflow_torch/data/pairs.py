"""Pairs of mixture and target: reading them, and the settings that shape them."""

import functools
import math
import numbers
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from auralflow_core.data.crops import Decode, read_mixture, read_stems
from auralflow_core.data.targets import expand_targets
from auralflow_core.data.track import Track
from auralflow_core.errors import InputError

Sums = Mapping[str, Collection[str]]
Example = tuple[Tensor, Tensor]  # mixture (channels, samples), target (channels, samples, targets)


def read_pair(
    track: Track,
    parts: Sequence[Sequence[str]],
    start: int,
    samples: int,
    sample_rate: int,
    num_channels: int,
    decode: Decode | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Reads a crop of a track's mixture and targets, each file once.

    Args:
        track: the track to read.
        parts: the stems that each target is the sum of.
        start: the first sample, counted at `sample_rate`.
        samples: length of the crop; beyond the track's end they are zeros.
        sample_rate: in Hz.
        num_channels: 1 or 2.
        decode: see `auralflow_core.data.crops.read_stems`.

    Returns:
        float32 arrays: mixture (channels, samples) and target (channels, samples, targets).
    """
    options = {} if decode is None else {"decode": decode}
    crop = (start, samples, sample_rate, num_channels)
    needed = sorted(set().union(*parts)) if track.mixture else list(track.stems)
    stems = dict(zip(needed, read_stems(track, needed, *crop, **options), strict=True))
    mixture = read_mixture(track, *crop, **options) if track.mixture else functools.reduce(np.add, stems.values())
    return mixture, np.stack([sum(stems[stem] for stem in part) for part in parts], axis=-1)


def as_tensors(mixture: np.ndarray, target: np.ndarray) -> Example:
    """The arrays as contiguous tensors."""
    return torch.from_numpy(np.ascontiguousarray(mixture)), torch.from_numpy(np.ascontiguousarray(target))


def stems_of_targets(
    targets: Sequence[str] | None, tracks: Sequence[Track], sources: Sums | None
) -> tuple[list[str], list[tuple[str, ...]]]:
    """The targets' names, and the stems of each."""
    if not tracks:
        raise InputError("the list of tracks is empty; at least one track is needed")
    names = as_names(targets)
    if not names or len(set(names)) < len(names):
        raise InputError(f"targets are {names}; one or more different names are accepted")
    expanded = expand_targets(names, tracks[0].stems, sources or {})
    return names, list(expanded.values())


def as_names(targets: Sequence[str] | None) -> list[str]:
    """The names of targets, which a single one may stand for; by default it is the vocals."""
    return ["vocals"] if targets is None else [targets] if isinstance(targets, str) else list(targets)


def chunk_samples(name: str, seconds: float, sample_rate: int) -> int:
    """A duration in samples; one of less than a sample is an InputError that calls it `name`."""
    check_count("sample_rate", sample_rate)
    if not 0 < seconds < math.inf or round(seconds * sample_rate) < 1:
        raise InputError(f"{name} is {seconds!r} s, expected a duration of at least one sample")
    return round(seconds * sample_rate)


def check_channels(number: int) -> int:
    """Refuses other numbers of channels than 1 and 2."""
    if number not in (1, 2):
        raise InputError(f"num_channels is {number!r}; 1 (mono) and 2 (stereo) are accepted")
    return number


def check_count(name: str, value: int | float, least: int = 1) -> int:
    """A whole number of at least `least`, also given as a float; others are an InputError that calls it `name`."""
    if not isinstance(value, numbers.Real) or not least <= value < math.inf or value != int(value):
        raise InputError(f"{name} is {value!r}, expected a whole number of at least {least}")
    return int(value)
