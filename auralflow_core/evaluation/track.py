"""How good estimates of a track are, beside the mixture itself and the ideal ratio mask."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from auralflow_core.evaluation.metrics import MDX_EPSILON, check_metrics, is_silent, sdr, si_sdr
from auralflow_core.evaluation.oracle import ideal_mask
from auralflow_core.evaluation.table import BSS_COLUMNS, MUSEVAL_COLUMNS, Row
from auralflow_core.storage.temp_arrays import Allocate, in_memory, pieces


def evaluate_track(
    track: str,
    sample_rate: int,
    mixture: np.ndarray,
    truths: Mapping[str, np.ndarray],
    estimates: Mapping[str, np.ndarray],
    metrics: str = "sdr",
    overlapping: bool = False,
    progress: Callable[[float], None] = lambda share: None,
    allocate: Allocate = in_memory,
) -> tuple[list[Row], list[str]]:
    """Rates a model's estimates of one track, the mixture taken as the estimate, and the ideal ratio mask.

    Signals are taken block by block, so that they may be memory-mapped files.

    Args:
        track: its name.
        sample_rate: in Hz; BSSEval's frames are one second.
        mixture: (channels, samples).
        truths: of each target, same shape.
        estimates: of each target, same shape.
        metrics: one of `measures.METRICS`. BSSEval takes what the targets leave of the mixture for another source.
        overlapping: some stems belong to several targets: BSSEval rates each beside all that is not in it, rather
            than beside the other targets.
        progress: told which share of the work is done.
        allocate: makes arrays of the mixture's shape.

    Returns:
        Rows with the keys `scores.COLUMNS` (and `BSS_COLUMNS` or `MUSEVAL_COLUMNS`: medians over frames), figures in
        dB; and the names of silent targets, which have none.

    Raises:
        ValueError: a missing estimate, or shapes that differ.
        InputError: unknown metrics.
        MissingPackage: they need what is not installed.
    """
    check_metrics(metrics)
    for name, truth in truths.items():
        if name not in estimates or not mixture.shape == truth.shape == estimates[name].shape:
            found = estimates[name].shape if name in estimates else "none"
            raise ValueError(
                f"{track}: shapes of mixture, truth and estimate of {name!r} must be equal, got "
                f"{mixture.shape}, {truth.shape} and {found}."
            )
    silent = [name for name, truth in truths.items() if is_silent(truth)]
    truths = {name: truth for name, truth in truths.items() if name not in silent}
    candidates = {
        "model": {name: estimates[name] for name in truths},
        "mixture": dict.fromkeys(truths, mixture),
        "ideal_mask": ideal_mask(mixture, truths, allocate=allocate),
    }
    framewise: dict[tuple[str, str], dict[str, float]] = {}  # by kind and target
    groups = [[name] for name in truths] if overlapping else [list(truths)] if truths else []
    for index, group in enumerate(groups if metrics != "sdr" else []):
        parts = {name: truths[name] for name in group}
        rate = _bss_eval if metrics == "bss_eval" else _museval
        for step, (kind, figures) in enumerate(rate(mixture, parts, candidates, sample_rate, allocate), 1):
            framewise |= {(kind, name): row for name, row in zip(group, figures, strict=True)}
            progress((index + step / len(candidates)) / len(groups))
    rows = []
    for name, truth in truths.items():
        before = si_sdr(mixture, truth)
        for kind, audio in candidates.items():
            after = si_sdr(audio[name], truth)
            improvement = 0.0 if kind == "mixture" else after - before
            rows.append(
                {
                    "track": track,
                    "target": name,
                    "estimate": kind,
                    "si_sdr": after,
                    "sdr": sdr(audio[name], truth, MDX_EPSILON),
                    "si_sdr_improvement": improvement,
                    **framewise.get((kind, name), {}),
                }
            )
    progress(1.0)
    return rows, silent


Candidates = Mapping[str, Mapping[str, np.ndarray]]  # estimates by kind and target
Framewise = Iterator[tuple[str, list[dict[str, float]]]]  # a kind, and for each target the figures by column


def _bss_eval(
    mixture: np.ndarray, truths: Mapping[str, np.ndarray], candidates: Candidates, sample_rate: int, allocate: Allocate
) -> Framewise:
    from auralflow_jax.metrics.bss_eval import References

    references = References([*truths.values(), *_rest(mixture, truths, allocate)], sample_rate, sample_rate)
    for kind, audio in candidates.items():
        figures = references.score([audio[name] for name in truths])
        yield (
            kind,
            [
                {column: _median(getattr(figures, column.removeprefix("bss_"))[index]) for column in BSS_COLUMNS}
                for index in range(len(truths))
            ],
        )


def _museval(
    mixture: np.ndarray, truths: Mapping[str, np.ndarray], candidates: Candidates, sample_rate: int, allocate: Allocate
) -> Framewise:
    import museval  # needs ffmpeg already when imported, and is an extra

    rest = _rest(mixture, truths, allocate)
    for kind, audio in candidates.items():
        # No target's figure depends on the estimate of the rest, but a silent one would void them all.
        # (sources, samples, channels)
        stacks = (
            np.stack([signal.T for signal in (*signals, *rest)]).astype(np.float64)
            for signals in (truths.values(), [audio[name] for name in truths])
        )
        figures = dict(
            zip(("sdr", "isr", "sir", "sar"), museval.evaluate(*stacks, win=sample_rate, hop=sample_rate), strict=True)
        )
        yield (
            kind,
            [
                {column: _median(figures[column.removeprefix("museval_")][index]) for column in MUSEVAL_COLUMNS}
                for index in range(len(truths))
            ],
        )


def _rest(mixture: np.ndarray, truths: Mapping[str, np.ndarray], allocate: Allocate) -> list[np.ndarray]:
    """What the targets leave of the mixture, if they leave anything."""
    rest = allocate(mixture.shape)
    for piece in pieces(mixture.shape[-1]):
        rest[:, piece] = mixture[:, piece] - sum(truth[:, piece] for truth in truths.values())
    return [] if is_silent(rest) else [rest]


def _median(frames: np.ndarray) -> float:
    """Over the frames that have a figure; BSSEval has none where some source is silent."""
    valid = frames[~np.isnan(frames)]
    return float(np.median(valid)) if valid.size else np.nan
