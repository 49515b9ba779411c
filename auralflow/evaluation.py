"""How good estimates are: SI-SDR and SDR per track, beside the mixture itself and the ideal ratio mask."""

import csv
import importlib.util
import os
import shutil
from collections.abc import Iterator, Mapping

import numpy as np
from rich.table import Table

from auralflow.files import replacing

Row = dict[str, str | float]

COLUMNS = ("track", "target", "estimate", "si_sdr", "sdr", "si_sdr_improvement")
MUSEVAL_COLUMNS = ("museval_sdr", "museval_sir", "museval_isr", "museval_sar")
# RMS of a silent target, about one step of 16-bit audio: what dither alone leaves lies below (-96 dBFS).
SILENCE_DB = -90.0
# Frames transformed at once by `ideal_mask`, so that memory does not grow with a song's length.
FRAMES = 64


def si_sdr(estimate: np.ndarray, target: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio of arrays of one shape, as one signal.

    `|a s|^2 / |a s - e|^2` with `a = <e, s> / <s, s>`: Le Roux, Wisdom, Erdogan and Hershey, "SDR - half-baked or
    well done?", ICASSP 2019, eq. 5; no mean is subtracted. Computed in float64.

    Returns:
        dB; NaN for a silent target, +inf for an exact (scaled) estimate, -inf for one without any of the target.

    Example:
        >>> print(f"{si_sdr(np.array([2.5, 0, 2, 8]), np.array([3, -0.5, 2, 7])):.4f}")
        18.4030
    """
    estimate, target = _signals(estimate, target)
    energy = target @ target
    if energy == 0:
        return np.nan
    scaled = (estimate @ target) / energy * target
    return _decibel(scaled, scaled - estimate)


def sdr(estimate: np.ndarray, target: np.ndarray) -> float:
    """Signal-to-distortion ratio in its plain form, `|s|^2 / |s - e|^2` in dB; otherwise as `si_sdr`.

    Example:
        >>> print(f"{sdr(np.array([2.5, 0, 2, 8]), np.array([3, -0.5, 2, 7])):.4f}")
        16.1805
    """
    estimate, target = _signals(estimate, target)
    return _decibel(target, target - estimate) if target.any() else np.nan


def ideal_mask(
    mixture: np.ndarray, truths: Mapping[str, np.ndarray], num_fft: int = 4096, hop: int = 1024
) -> dict[str, np.ndarray]:
    """What a magnitude mask with the mixture's phase could reach: the ideal ratio mask, |S| / (|S| + |X - S|).

    Args:
        mixture: (channels, samples).
        truths: of each target, (channels, samples).
        num_fft: length of transform and Hann window, in samples.
        hop: in samples, less than `num_fft`.

    Returns:
        The mixture, masked for each target, (channels, samples).
    """
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(num_fft) / num_fft)
    channels, samples = mixture.shape
    # num_fft zeros on both sides: every sample lies in as many frames as any other.
    frames = -(-(samples + num_fft) // hop) + 1
    length = (frames - 1) * hop + num_fft
    padding = [(0, 0), (num_fft, length - num_fft - samples)]
    padded = {name: np.pad(audio, padding) for name, audio in truths.items()}
    sums = {name: np.zeros((channels, length)) for name in truths}
    envelope = np.zeros(length)
    for starts, mixed in _spectra(np.pad(mixture, padding), window, hop, frames):
        for name in truths:
            target = np.fft.rfft(_frames(padded[name], starts, num_fft) * window)
            total = np.abs(target) + np.abs(mixed - target)
            mask = np.abs(target) / np.where(total == 0, 1, total)
            segments = np.fft.irfft(mask * mixed, num_fft) * window
            for index, start in enumerate(starts):
                sums[name][:, start:start + num_fft] += segments[:, index]
        for start in starts:
            envelope[start:start + num_fft] += window**2
    inside = slice(num_fft, num_fft + samples)
    return {name: (audio[:, inside] / envelope[inside]).astype(mixture.dtype) for name, audio in sums.items()}


def is_silent(audio: np.ndarray) -> bool:
    """Whether the RMS of (channels, samples) lies below `SILENCE_DB`: no figure would mean anything."""
    return np.sqrt(np.mean(np.square(audio, dtype=np.float64))) < 10 ** (SILENCE_DB / 20)


def has_museval() -> bool:
    """Whether museval can be imported, which takes ffmpeg and ffprobe too."""
    return bool(importlib.util.find_spec("museval") and shutil.which("ffmpeg") and shutil.which("ffprobe"))


def evaluate_track(
    track: str, mixture: np.ndarray, truths: Mapping[str, np.ndarray], estimates: Mapping[str, np.ndarray],
    museval_rate: int | None = None,
) -> tuple[list[Row], list[str]]:
    """Rates a model's estimates of one track, the mixture taken as the estimate, and the ideal ratio mask.

    Args:
        track: its name.
        mixture: (channels, samples).
        truths: of each target, same shape.
        estimates: of each target, same shape.
        museval_rate: the sample rate in Hz; given, BSSEval's medians over frames of a second are added (by museval;
            some seconds for a minute of music). Its other source is what the targets leave of the mixture.

    Returns:
        Rows with the keys `COLUMNS` (and `MUSEVAL_COLUMNS`), figures in dB; and the names of silent targets, which
        have none.

    Raises:
        ValueError: a missing estimate, or shapes that differ.
    """
    for name, truth in truths.items():
        if name not in estimates or not mixture.shape == truth.shape == estimates[name].shape:
            found = estimates[name].shape if name in estimates else "none"
            raise ValueError(f"{track}: shapes of mixture, truth and estimate of {name!r} must be equal, got "
                             f"{mixture.shape}, {truth.shape} and {found}.")
    silent = [name for name, truth in truths.items() if is_silent(truth)]
    truths = {name: truth for name, truth in truths.items() if name not in silent}
    candidates = {"model": {name: estimates[name] for name in truths}, "mixture": dict.fromkeys(truths, mixture),
                  "ideal_mask": ideal_mask(mixture, truths)}
    figures = {kind: _bss(mixture, truths, audio, museval_rate) if museval_rate and truths else {}
               for kind, audio in candidates.items()}
    rows = []
    for name, truth in truths.items():
        before = si_sdr(mixture, truth)
        for kind, audio in candidates.items():
            after = si_sdr(audio[name], truth)
            improvement = 0.0 if kind == "mixture" else after - before
            rows.append({"track": track, "target": name, "estimate": kind, "si_sdr": after,
                         "sdr": sdr(audio[name], truth), "si_sdr_improvement": improvement,
                         **figures[kind].get(name, {})})
    return rows, silent


def aggregate(rows: list[Row]) -> list[Row]:
    """The rows, and below them a row `mean` and a row `median` for each target and estimate; NaN does not count."""
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        groups.setdefault((row["target"], row["estimate"]), []).append(row)
    summary = []
    for name, reduce in (("mean", np.mean), ("median", np.median)):
        for (target, kind), members in groups.items():
            row = {"track": name, "target": target, "estimate": kind}
            for column in _columns(rows)[3:]:
                values = [member[column] for member in members if not np.isnan(member.get(column, np.nan))]
                row[column] = float(reduce(values)) if values else np.nan
            summary.append(row)
    return [*rows, *summary]


def write_csv(path: str | os.PathLike, rows: list[Row]) -> None:
    """Writes rows under the header `COLUMNS`, with `MUSEVAL_COLUMNS` behind where they were measured."""
    with replacing(path) as aside, open(aside, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_columns(rows))
        writer.writerows(_texts(rows, 4))


def table(rows: list[Row]) -> Table:
    """The same as a table for the terminal, in dB with two decimals."""
    result = Table(title="Evaluation, dB", box=None, padding=(0, 1, 0, 0))
    for index, column in enumerate(_columns(rows)):
        if index < 3:
            result.add_column(column, overflow="fold", min_width=5)
        else:  # a narrow terminal may break names, never figures
            header = column.replace("_sdr_", "_sdr\n").replace("museval_", "museval\n")
            result.add_column(header, justify="right", no_wrap=True)
    previous = None
    for row, texts in zip(rows, _texts(rows, 2), strict=True):
        if previous not in (None, row["track"]):
            result.add_row()
        previous = row["track"]
        result.add_row(*texts)
    return result


def _signals(estimate: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if np.shape(estimate) != np.shape(target):
        raise ValueError(f"Shape mismatch: got {np.shape(estimate)} and {np.shape(target)}.")
    return np.ravel(estimate).astype(np.float64), np.ravel(target).astype(np.float64)


def _decibel(signal: np.ndarray, distortion: np.ndarray) -> float:
    signal, distortion = signal @ signal, distortion @ distortion
    if signal == 0:
        return -np.inf
    return float(10 * np.log10(signal / distortion)) if distortion else np.inf


def _spectra(padded: np.ndarray, window: np.ndarray, hop: int, frames: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Blocks of frames: where they start, and their spectra (channels, frames, bins)."""
    for first in range(0, frames, FRAMES):
        starts = hop * np.arange(first, min(first + FRAMES, frames))
        yield starts, np.fft.rfft(_frames(padded, starts, len(window)) * window)


def _frames(padded: np.ndarray, starts: np.ndarray, size: int) -> np.ndarray:
    return np.lib.stride_tricks.sliding_window_view(padded, size, axis=-1)[:, starts]


def _bss(mixture: np.ndarray, truths: Mapping[str, np.ndarray], audio: Mapping[str, np.ndarray], rate: int) -> dict:
    """The figures of museval for every target, {target: {column: dB}}."""
    import museval  # needs ffmpeg already when imported, and is an extra

    references, guesses = list(truths.values()), [audio[name] for name in truths]
    rest = mixture - sum(references)
    if not is_silent(rest):
        references.append(rest)
        guesses.append(rest)  # no target's figure depends on it, but a silent one would void them all
    # (sources, samples, channels)
    stacks = (np.moveaxis(np.stack(sources), 1, 2).astype(np.float64) for sources in (references, guesses))
    figures = dict(zip(("sdr", "isr", "sir", "sar"), museval.evaluate(*stacks, win=rate, hop=rate), strict=True))
    return {name: {column: _median(figures[column.removeprefix("museval_")][index]) for column in MUSEVAL_COLUMNS}
            for index, name in enumerate(truths)}


def _median(frames: np.ndarray) -> float:
    """Over the frames that have a figure; museval has none where some source is silent."""
    valid = frames[~np.isnan(frames)]
    return float(np.median(valid)) if valid.size else np.nan


def _columns(rows: list[Row]) -> tuple[str, ...]:
    measured = any(MUSEVAL_COLUMNS[0] in row for row in rows)
    return COLUMNS + MUSEVAL_COLUMNS if measured else COLUMNS


def _texts(rows: list[Row], digits: int) -> list[list[str]]:
    columns = _columns(rows)
    values = ([row.get(column, np.nan) for column in columns] for row in rows)
    return [[value if isinstance(value, str) else f"{value:.{digits}f}" for value in line] for line in values]
