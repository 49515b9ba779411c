"""How good estimates of a track are, beside the mixture itself and the ideal ratio mask."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from auralflow_core.evaluation.oracle import ideal_mask
from auralflow.measures import check_metrics
from auralflow_core.evaluation.table import BSS_COLUMNS, MUSEVAL_COLUMNS, Row
from auralflow_core.storage.temp_arrays import Allocate, in_memory, pieces

# RMS of a silent target, about one step of 16-bit audio: what dither alone leaves lies below (-96 dBFS).
SILENCE_DB = -90.0
# Added to both energies of the SDR by the Music Demixing Challenges, whose figure this is.
MDX_EPSILON = 1e-7


def si_sdr(estimate: np.ndarray, target: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio of arrays of one shape, as one signal.

    `|a s|^2 / |a s - e|^2` with `a = <e, s> / <s, s>`: Le Roux, Wisdom, Erdogan and Hershey, "SDR - half-baked or
    well done?", ICASSP 2019, eq. 5; no mean is subtracted. Computed in float64, block by block.

    Returns:
        dB; NaN for a silent target, +inf for an exact (scaled) estimate, -inf for one without any of the target.

    Example:
        >>> print(f"{si_sdr(np.array([2.5, 0, 2, 8]), np.array([3, -0.5, 2, 7])):.4f}")
        18.4030
    """
    dot, energy = np.sum([(e @ s, s @ s) for e, s in _signals(estimate, target)], axis=0)
    if energy == 0:
        return np.nan
    scale = dot / energy
    # The distortion as a difference of signals: as one of energies it would be rounding where it is small.
    return _decibel(scale**2 * energy, sum(np.sum((scale * s - e) ** 2) for e, s in _signals(estimate, target)))


def sdr(estimate: np.ndarray, target: np.ndarray, epsilon: float = 0.0) -> float:
    """Signal-to-distortion ratio in its plain form, `|s|^2 / |s - e|^2` in dB; otherwise as `si_sdr`.

    Args:
        estimate: any shape.
        target: same shape.
        epsilon: added to both energies; with `MDX_EPSILON` it is the SDR of Mitsufuji et al., "Music Demixing
            Challenge 2021", Frontiers in Signal Processing 2022, which is finite for any signals.

    Example:
        >>> print(f"{sdr(np.array([2.5, 0, 2, 8]), np.array([3, -0.5, 2, 7])):.4f}")
        16.1805
    """
    energy, distortion = np.sum([(s @ s, np.sum((s - e) ** 2)) for e, s in _signals(estimate, target)], axis=0)
    return _decibel(energy + epsilon, distortion + epsilon) if energy + epsilon else np.nan


def is_silent(audio: np.ndarray) -> bool:
    """Whether the RMS of (channels, samples) lies below `SILENCE_DB`: no figure would mean anything."""
    energy = sum(np.sum(np.square(audio[:, piece], dtype=np.float64)) for piece in pieces(audio.shape[-1]))
    return np.sqrt(energy / audio.size) < 10 ** (SILENCE_DB / 20)


def evaluate_track(
    track: str, sample_rate: int, mixture: np.ndarray, truths: Mapping[str, np.ndarray],
    estimates: Mapping[str, np.ndarray], metrics: str = "sdr", overlapping: bool = False,
    progress: Callable[[float], None] = lambda share: None, allocate: Allocate = in_memory,
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
            raise ValueError(f"{track}: shapes of mixture, truth and estimate of {name!r} must be equal, got "
                             f"{mixture.shape}, {truth.shape} and {found}.")
    silent = [name for name, truth in truths.items() if is_silent(truth)]
    truths = {name: truth for name, truth in truths.items() if name not in silent}
    candidates = {"model": {name: estimates[name] for name in truths}, "mixture": dict.fromkeys(truths, mixture),
                  "ideal_mask": ideal_mask(mixture, truths, allocate=allocate)}
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
            rows.append({"track": track, "target": name, "estimate": kind, "si_sdr": after,
                         "sdr": sdr(audio[name], truth, MDX_EPSILON), "si_sdr_improvement": improvement,
                         **framewise.get((kind, name), {})})
    progress(1.0)
    return rows, silent


Candidates = Mapping[str, Mapping[str, np.ndarray]]  # estimates by kind and target
Framewise = Iterator[tuple[str, list[dict[str, float]]]]  # a kind, and for each target the figures by column


def _bss_eval(mixture: np.ndarray, truths: Mapping[str, np.ndarray], candidates: Candidates, sample_rate: int,
              allocate: Allocate) -> Framewise:
    from auralflow_jax.metrics.bss_eval import References

    references = References([*truths.values(), *_rest(mixture, truths, allocate)], sample_rate, sample_rate)
    for kind, audio in candidates.items():
        figures = references.rate([audio[name] for name in truths])
        yield kind, [{column: _median(getattr(figures, column.removeprefix("bss_"))[index]) for column in BSS_COLUMNS}
                     for index in range(len(truths))]


def _museval(mixture: np.ndarray, truths: Mapping[str, np.ndarray], candidates: Candidates, sample_rate: int,
             allocate: Allocate) -> Framewise:
    import museval  # needs ffmpeg already when imported, and is an extra

    rest = _rest(mixture, truths, allocate)
    for kind, audio in candidates.items():
        # No target's figure depends on the estimate of the rest, but a silent one would void them all.
        # (sources, samples, channels)
        stacks = (np.stack([signal.T for signal in (*signals, *rest)]).astype(np.float64)
                  for signals in (truths.values(), [audio[name] for name in truths]))
        figures = dict(zip(("sdr", "isr", "sir", "sar"), museval.evaluate(*stacks, win=sample_rate, hop=sample_rate),
                           strict=True))
        yield kind, [{column: _median(figures[column.removeprefix("museval_")][index]) for column in MUSEVAL_COLUMNS}
                     for index in range(len(truths))]


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


def _signals(estimate: np.ndarray, target: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Blocks of both as vectors of float64."""
    if np.shape(estimate) != np.shape(target):
        raise ValueError(f"Shape mismatch: got {np.shape(estimate)} and {np.shape(target)}.")
    for piece in pieces(np.shape(target)[-1]):
        yield tuple(np.ravel(signal[..., piece]).astype(np.float64) for signal in (estimate, target))


def _decibel(signal: float, distortion: float) -> float:
    if signal == 0:
        return -np.inf
    return float(10 * np.log10(signal / distortion)) if distortion else np.inf
