"""Pictures of an estimate, of its reference, and of their difference."""

import numpy as np
from matplotlib.figure import Figure

from auralflow_core.audio.check import check_array
from auralflow_core.console.text import printable
from auralflow_core.errors import InputError
from auralflow_core.plots.signals import ACCENT, INK, RANGE_DB, draw_waveform, stacked_axes

SPAN_DB = 20.0  # at either end of the colours of a difference of levels
SILENCE = -2000.0  # dB of no power at all, far below the square of any magnitude


def spectrogram_difference_figure(
    label: str, estimate: np.ndarray, target: np.ndarray, resolution: int = 120, decibel: bool = False
) -> Figure:
    """Draws the spectrograms of an estimate and of its reference, and the difference of their levels.

    The first two share one colour scale, dB below the loudest cell of both. Levels below that scale are raised to its
    lower end first, so that two levels below it make no difference.

    Args:
        label: the target's name.
        estimate: magnitudes or complex values (channels, bins, frames), whose powers are averaged over the channels,
            or (bins, frames).
        target: the reference, of the same shape.
        resolution: dots per inch.
        decibel: the values are levels in dB already; these are averaged over the channels.

    Returns:
        A figure with three panels.

    Raises:
        InputError: shapes that differ or are not those above, values that are not finite, or magnitudes below zero.

    Example:
        >>> tone = np.ones((1, 4, 10))
        >>> spectrogram_difference_figure("tone", 0.1 * tone, tone).axes[2].images[0].get_array()[0, 0].round(3)
        np.float64(-20.0)
    """
    _check(estimate, target, "(channels, bins, frames)", "iufc")
    levels = np.stack([_levels(name, values, decibel) for name, values in (("estimate", estimate), ("target", target))])
    loudest = levels.max() if levels.max() > SILENCE else 0.0
    levels = np.maximum(levels - loudest, -RANGE_DB)
    figure, axes = stacked_axes(3, 2.1, None)
    figure.set_dpi(resolution)
    shown = dict(origin="lower", aspect="auto", interpolation="nearest")
    for axis, name, values in zip(axes, (f"{label}, estimate", f"{label}, reference"), levels, strict=False):
        image = axis.imshow(values, cmap="magma", vmin=-RANGE_DB, vmax=0, **shown)
        axis.set_title(printable(name), loc="left", fontsize="medium", parse_math=False)
    figure.colorbar(image, ax=axes[:2], label="level (dB, 0 = loudest)", pad=0.015)
    image = axes[2].imshow(levels[0] - levels[1], cmap="RdBu_r", vmin=-SPAN_DB, vmax=SPAN_DB, **shown)
    axes[2].set_title("estimate over reference", loc="left", fontsize="medium")
    figure.colorbar(image, ax=axes[2], label="difference (dB)", pad=0.015, extend="both")
    for axis in axes:
        axis.set_ylabel("bin")
    axes[2].set_xlabel("frame")
    return figure


def waveform_difference_figure(
    label: str, estimate: np.ndarray, target: np.ndarray, resolution: int = 120, sample_rate: int | None = None
) -> Figure:
    """Draws the waveforms of an estimate, of its reference, and of their difference, with common axes.

    Args:
        label: the target's name.
        estimate: audio (channels, samples), or (samples,); the curves are the range over the channels.
        target: the reference, of the same shape.
        resolution: dots per inch.
        sample_rate: in Hz, for an axis in seconds; default: an axis in samples.

    Returns:
        A figure with three panels.

    Raises:
        InputError: shapes that differ or are not those above, or values that are not finite.
    """
    _check(estimate, target, "(channels, samples)", "iuf")
    estimate, target = (np.atleast_2d(np.asarray(signal, np.float64)) for signal in (estimate, target))
    signals = {
        f"{label}, estimate": (estimate, INK),
        f"{label}, reference": (target, INK),
        "estimate minus reference": (estimate - target, ACCENT),
    }
    peak = max(float(np.abs(signal).max()) for signal, _ in signals.values()) or 1.0
    figure, axes = stacked_axes(3, 1.4, None)
    figure.set_dpi(resolution)
    for axis, (name, (signal, colour)) in zip(axes, signals.items(), strict=True):
        draw_waveform(axis, signal, sample_rate or 1, peak, name, colour)
    axes[2].set_xlabel("time (s)" if sample_rate else "sample")
    return figure


def _levels(name: str, values: np.ndarray, decibel: bool) -> np.ndarray:
    """Levels (bins, frames) in dB, of the mean power over the channels."""
    channels = values.reshape(-1, *values.shape[-2:])
    if decibel:
        return channels.mean(axis=0)
    if not np.iscomplexobj(channels) and channels.min() < 0:
        raise InputError(
            f"{name} holds {channels.min():.4g}, where magnitudes are at least 0; levels in dB are "
            "accepted with decibel=True"
        )
    power = np.mean(np.abs(channels).astype(np.float64) ** 2, axis=0)
    return 10 * np.log10(np.maximum(power, 10 ** (SILENCE / 10)))


def _check(estimate: np.ndarray, target: np.ndarray, axes: str, kinds: str) -> None:
    expected = axes.count(",") + 1
    for name, values in (("estimate", estimate), ("target", target)):
        check_array(values, name)
        if values.dtype.kind not in kinds:
            raise InputError(f"{name} holds {values.dtype}, expected {'complex or ' * ('c' in kinds)}real numbers")
        if values.ndim not in (expected, expected - 1) or values.size == 0:
            raise InputError(f"{name} has shape {values.shape}, expected {axes}, or the same without channels")
        if not np.isfinite(values).all():
            raise InputError(f"{name} holds NaN or infinite values, where a picture needs finite ones")
    if estimate.shape != target.shape:
        raise InputError(f"estimate has shape {estimate.shape} and target {target.shape}; both must be the same")
