"""Scores of one track: of a model's estimates and, for comparison, of the mixture and of the ideal ratio mask."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from auralflow_core.evaluation.metrics import MDX_EPSILON, is_silent, sdr, si_sdr
from auralflow_core.evaluation.oracle import ideal_mask
from auralflow_core.evaluation.table import Row
from auralflow_core.storage.temp_arrays import Allocate, in_memory, pieces

Signals = Mapping[str, np.ndarray]  # target -> audio (channels, samples)
Score = Callable[[Sequence[np.ndarray]], Sequence[Mapping[str, np.ndarray]]]


class FramewiseMetric(Protocol):
    """A metric that compares each frame of the estimates with all references together, as BSSEval does."""

    def __call__(self, references: Sequence[np.ndarray], sample_rate: int) -> Score:
        """Prepares the references for any number of estimates.

        Args:
            references: of every source, (channels, samples); those of the targets come first.
            sample_rate: in Hz.

        Returns:
            A function from the targets' estimates, each (channels, samples), to their scores in dB, which are a
            mapping column -> (frames,) for each estimate, NaN where a frame has no score.
        """
        ...


def evaluate_track(
    track: str,
    sample_rate: int,
    mixture: np.ndarray,
    references: Signals,
    estimates: Signals,
    framewise: FramewiseMetric | None = None,
    overlapping: bool = False,
    progress: Callable[[float], None] = lambda share: None,
    allocate: Allocate = in_memory,
) -> tuple[list[Row], list[str]]:
    """Scores a model's estimates of one track, the mixture taken as the estimate, and the ideal ratio mask.

    Signals are read block by block, so that they may be memory-mapped files.

    Args:
        track: its name.
        sample_rate: in Hz.
        mixture: (channels, samples).
        references: the true signal of each target, same shape.
        estimates: the estimate of each target, same shape.
        framewise: a metric in addition to SI-SDR and SDR. It takes what the targets leave of the mixture for another
            source.
        overlapping: some stems belong to several targets: the metric then compares each target with all that is not
            in it, instead of with the other targets.
        progress: called with the share of the work that is done.
        allocate: makes arrays of the mixture's shape.

    Returns:
        Rows with the keys `table.COLUMNS` and the columns of the metric, as medians over the frames, in dB, NaN for the
        mixture's ratio to artefacts, of which it has none; and the names of silent targets, which have no rows.

    Raises:
        ValueError: a missing estimate, or shapes that differ.
    """
    _check_shapes(track, mixture, references, estimates)
    silent = [name for name, reference in references.items() if is_silent(reference)]
    references = {name: reference for name, reference in references.items() if name not in silent}
    candidates = {
        "model": {name: estimates[name] for name in references},
        "mixture": dict.fromkeys(references, mixture),
        "ideal_mask": ideal_mask(mixture, references, allocate=allocate),
    }
    medians: dict[tuple[str, str], dict[str, float]] = {}  # by estimate and target
    if framewise:
        groups = [[name] for name in references] if overlapping else [list(references)] if references else []
        for index, group in enumerate(groups):
            parts = {name: references[name] for name in group}
            score = framewise([*parts.values(), *_rest(mixture, parts, allocate)], sample_rate)
            for step, (kind, audio) in enumerate(candidates.items(), 1):
                for name, columns in zip(group, score([audio[name] for name in group]), strict=True):
                    medians[kind, name] = _medians(kind, columns)
                progress((index + step / len(candidates)) / len(groups))
    rows = []
    for name, reference in references.items():
        before = si_sdr(mixture, reference)
        for kind, audio in candidates.items():
            row = {"track": track, "target": name, "estimate": kind}
            rows.append(row | _whole_track(audio[name], reference, before) | medians.get((kind, name), {}))
    progress(1.0)
    return rows, silent


def _check_shapes(track: str, mixture: np.ndarray, references: Signals, estimates: Signals) -> None:
    for name, reference in references.items():
        if name not in estimates or not mixture.shape == reference.shape == estimates[name].shape:
            found = estimates[name].shape if name in estimates else "none"
            raise ValueError(
                f"{track}: shapes of mixture, reference and estimate of {name!r} must be equal, got "
                f"{mixture.shape}, {reference.shape} and {found}."
            )


def _whole_track(estimate: np.ndarray, reference: np.ndarray, before: float) -> dict[str, float]:
    """The scores of the whole track; before: the mixture's SI-SDR."""
    after = si_sdr(estimate, reference)
    return {
        "si_sdr": after,
        "sdr": sdr(estimate, reference, MDX_EPSILON),
        "si_sdr_improvement": 0.0 if after == before else after - before,  # inf - inf would be NaN
    }


def _rest(mixture: np.ndarray, references: Signals, allocate: Allocate) -> list[np.ndarray]:
    """The part of the mixture that the targets leave, as a list of one; an empty list where it is silent."""
    rest = allocate(mixture.shape)
    for piece in pieces(mixture.shape[-1]):
        rest[:, piece] = mixture[:, piece] - sum(reference[:, piece] for reference in references.values())
    return [] if is_silent(rest) else [rest]


def _medians(kind: str, columns: Mapping[str, np.ndarray]) -> dict[str, float]:
    """The median of each column over the frames."""
    return {
        # The mixture is a sum of sources: its ratio to artefacts would be nothing but rounding.
        column: np.nan if kind == "mixture" and column.endswith("_sar") else _median(frames)
        for column, frames in columns.items()
    }


def _median(frames: np.ndarray) -> float:
    """Over the frames that have a score; BSSEval has none where some source is silent."""
    valid = frames[~np.isnan(frames)]
    return float(np.median(valid)) if valid.size else np.nan
