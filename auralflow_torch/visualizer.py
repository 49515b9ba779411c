"""Figures of tensors on any device: those of `auralflow_core.plots`.

Nothing is drawn on a screen: a figure has `savefig`, a notebook shows it.
"""

from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from torch import Tensor

from auralflow_core.plots import differences
from auralflow_core.plots import signals as plots
from auralflow_core.plots.signals import training_curve_figure

__all__ = ["spec_show_diff", "spectrogram_figure", "training_curve_figure", "waveform_figure", "waveform_show_diff"]

Signal = Tensor | ArrayLike


def spec_show_diff(
    label: str, estimate: Signal, target: Signal, resolution: int = 120, *, decibel: bool = False
) -> Figure:
    """An estimate's spectrogram, the true one, and how far the estimate lies above or below it.

    Args:
        label: the target's name.
        estimate: magnitudes or complex values (channels, bins, frames), whose powers are averaged over the channels,
            or (bins, frames).
        target: the truth, of the same shape.
        resolution: dots per inch.
        decibel: the values are levels in dB already; these are averaged over the channels.

    Returns:
        A figure with three panels.

    Raises:
        InputError: other shapes, values that are not finite, or magnitudes below zero.

    Example:
        figure = spec_show_diff("vocals", torch.rand(1, 512, 173), torch.rand(1, 512, 173))
        figure.savefig("vocals.png")
    """
    return differences.spectrogram_difference_figure(label, _array(estimate), _array(target), resolution, decibel)


def waveform_show_diff(
    label: str, estimate: Signal, target: Signal, resolution: int = 120, *, sample_rate: int | None = None
) -> Figure:
    """An estimate's waveform, the true one, and the estimate minus the truth, with common axes.

    Args:
        label: the target's name.
        estimate: audio (channels, samples), or (samples,); the curves are the range over the channels.
        target: the truth, of the same shape.
        resolution: dots per inch.
        sample_rate: in Hz, for an axis in seconds; default: an axis in samples.

    Returns:
        A figure with three panels.

    Raises:
        InputError: other shapes, or values that are not finite.
    """
    return differences.waveform_difference_figure(label, _array(estimate), _array(target), resolution, sample_rate)


def spectrogram_figure(panels: Mapping[str, Signal], sample_rate: int, title: str | None = None) -> Figure:
    """Draws spectrograms of audio (channels, samples) above each other; see `plots.signals.spectrogram_figure`."""
    return plots.spectrogram_figure({name: _array(audio) for name, audio in panels.items()}, sample_rate, title)


def waveform_figure(panels: Mapping[str, Signal], sample_rate: int, title: str | None = None) -> Figure:
    """Waveforms of audio (channels, samples) above each other; see `auralflow_core.plots.signals.waveform_figure`."""
    return plots.waveform_figure({name: _array(audio) for name, audio in panels.items()}, sample_rate, title)


def _array(signal: Signal) -> np.ndarray:
    if not isinstance(signal, Tensor):
        return signal if isinstance(signal, np.ndarray) else np.asarray(signal)
    signal = signal.detach().resolve_conj().cpu()
    # numpy has no bfloat16, and what is drawn needs no more than float32.
    return (signal if signal.is_complex() else signal.to(torch.float32)).numpy()
