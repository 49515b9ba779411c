"""Pictures of signals and of training runs, as matplotlib figures that need neither a screen nor global state."""

import contextlib
import io
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from auralflow_core.audio.check import check_audio
from auralflow_core.console.text import printable
from auralflow_core.dsp.stft import stft
from auralflow_core.dsp.windows import hann_window
from auralflow_core.errors import InputError
from auralflow_core.storage.atomic import replacing

RANGE_DB = 80.0  # from the loudest cell of a spectrogram down to its darkest colour
TOP_HZ = 16000.0  # the highest frequency shown
ROWS, COLUMNS = 320, 1200  # cells of a spectrogram, at most
TICKS_KHZ = (0.1, 0.25, 0.5, 1, 2, 4, 8, 16)
WINDOW = 0.046  # seconds of a spectrogram's frame, rounded to a power of two samples
INK, ACCENT = "#2f5d8a", "#c8553d"


def spectrogram_figure(panels: Mapping[str, np.ndarray], sample_rate: int, title: str | None = None) -> Figure:
    """Draws spectrograms above each other on one colour scale: dB below the loudest cell of them all.

    Args:
        panels: name -> audio (channels, samples); the channels' powers are averaged.
        sample_rate: Hz, of all of them.
        title: above the panels.

    Returns:
        A figure whose frequency axis has the ear's spacing (ERB), up to 16 kHz.

    Raises:
        InputError: `panels` is empty, or a panel is not (channels, samples).

    Example:
        >>> noise = np.random.default_rng(0).standard_normal((1, 8000))
        >>> len(spectrogram_figure({"noise": noise}, 8000).axes)  # one panel and the colour bar
        2
    """
    _check(panels)
    top = min(TOP_HZ, sample_rate / 2)
    powers = {name: _band_power(audio, sample_rate, top) for name, audio in panels.items()}
    loudest = max(power.max() for power in powers.values()) or 1.0
    figure, axes = stacked_axes(len(panels), 2.1, title)
    limit = _erb(top)
    for axis, (name, audio) in zip(axes, panels.items(), strict=True):
        decibels = 10 * np.log10(np.maximum(powers[name] / loudest, 10 ** (-RANGE_DB / 10)))
        image = axis.imshow(
            decibels,
            origin="lower",
            aspect="auto",
            cmap="magma",
            vmin=-RANGE_DB,
            vmax=0,
            extent=(0, audio.shape[1] / sample_rate, 0, limit),
            interpolation="nearest",
        )
        ticks = [tick for tick in TICKS_KHZ if 1000 * tick <= top]
        axis.set_yticks([_erb(1000 * tick) for tick in ticks], [f"{tick:g}" for tick in ticks])
        axis.set_ylabel("frequency (kHz)")
        axis.set_title(printable(name), loc="left", fontsize="medium", parse_math=False)
    axes[-1].set_xlabel("time (s)")
    figure.colorbar(image, ax=axes, label="level (dB, 0 = loudest)", pad=0.015, aspect=15 * len(panels))
    return figure


def waveform_figure(panels: Mapping[str, np.ndarray], sample_rate: int, title: str | None = None) -> Figure:
    """Draws waveforms above each other, with common axes.

    Args:
        panels: name -> audio (channels, samples); the curve is the range over the channels.
        sample_rate: Hz, of all of them.
        title: above the panels.

    Raises:
        InputError: `panels` is empty, or a panel is not (channels, samples).
    """
    _check(panels)
    figure, axes = stacked_axes(len(panels), 1.4, title)
    peak = max(float(np.abs(audio).max()) for audio in panels.values()) or 1.0
    for axis, (name, audio) in zip(axes, panels.items(), strict=True):
        draw_waveform(axis, audio, sample_rate, peak, name)
    axes[-1].set_xlabel("time (s)")
    return figure


def draw_waveform(axis, audio: np.ndarray, sample_rate: int, peak: float, title: str, colour: str = INK) -> None:
    """Draws the range over the channels of audio (channels, samples) in a panel that reaches from -peak to peak."""
    starts = np.unique(np.linspace(0, audio.shape[1], 2 * COLUMNS, endpoint=False).astype(int))
    low = np.minimum.reduceat(audio.min(axis=0), starts)
    high = np.maximum.reduceat(audio.max(axis=0), starts)
    axis.fill_between(starts / sample_rate, low, high, color=colour, linewidth=0.4)
    axis.set(xlim=(0, audio.shape[1] / sample_rate), ylim=(-1.05 * peak, 1.05 * peak), ylabel="amplitude")
    axis.set_title(printable(title), loc="left", fontsize="medium", parse_math=False)
    axis.grid(alpha=0.3)


def training_curve_figure(history: Sequence[Mapping]) -> Figure:
    """Draws the losses, the gain in SI-SDR over the mixture, and the learning rate, over the epochs.

    Args:
        history: one mapping per epoch with `epoch` and, if known, `train_loss`, `valid_loss`, `si_sdr_improvement`
            (target -> dB) and `lr`.

    Raises:
        InputError: `history` is empty.
    """
    if not history:
        raise InputError("the training history holds 0 epochs, expected at least 1")
    figure, (losses, gains, rates) = stacked_axes(3, 2.1, None, heights=(3, 3, 1.2))
    for key, name, colour in (("train_loss", "training", INK), ("valid_loss", "validation", ACCENT)):
        _curve(losses, history, lambda epoch, key=key: epoch.get(key), label=name, color=colour)
    values = [epoch[key] for epoch in history for key in ("train_loss", "valid_loss") if epoch.get(key) is not None]
    if values and min(values) > 0 and max(values) > 5 * min(values):
        losses.set_yscale("log")
        losses.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        losses.yaxis.set_major_formatter("{x:g}")
        losses.yaxis.set_minor_formatter(NullFormatter())
    losses.set_ylabel("loss")
    targets = sorted({target for epoch in history for target in epoch.get("si_sdr_improvement") or ()})
    for target in targets:
        _curve(
            gains, history, lambda epoch, name=target: (epoch.get("si_sdr_improvement") or {}).get(name), label=target
        )
    gains.axhline(0, color="gray", linewidth=0.8, linestyle="--")
    gains.set_ylabel("SI-SDR over the\nmixture (dB)")
    _curve(rates, history, lambda epoch: epoch.get("lr"), color="gray")
    rates.set(ylabel="learning\nrate", ylim=(0, None), xlabel="epoch")
    rates.xaxis.set_major_locator(MaxNLocator(integer=True))
    _mark_best(losses, history)
    for axis in (losses, gains, rates):
        axis.grid(alpha=0.3)
        if axis.get_legend_handles_labels()[1]:
            for text in axis.legend(frameon=False).get_texts():
                text.set(text=printable(text.get_text()), parse_math=False)
    return figure


def save_figure(figure: Figure, path: str | os.PathLike) -> None:
    """Writes a figure in the format of the path's suffix; a failure leaves the old file."""
    with replacing(path) as aside, _any_letters():
        figure.savefig(aside, dpi=110)


def picture_bytes(figure: Figure, format: str = "png") -> bytes:
    """Returns the figure as the bytes of a file, in a format that matplotlib knows, such as "png" or "webp"."""
    buffer = io.BytesIO()
    with _any_letters():
        figure.savefig(buffer, format=format, dpi=110)
    return buffer.getvalue()


def pixels(figure: Figure) -> np.ndarray:
    """Returns the figure as uint8 (height, width, 3)."""
    canvas = FigureCanvasAgg(figure)
    with _any_letters():
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


@contextlib.contextmanager
def _any_letters() -> Iterator[None]:
    """Lets names have letters that the font lacks, which are drawn as boxes, without a warning for each."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        yield


def _check(panels: Mapping[str, np.ndarray]) -> None:
    if not panels:
        raise InputError("the picture has 0 panels, expected at least 1")
    for name, audio in panels.items():
        if np.ndim(audio) != 2 or np.shape(audio)[1] == 0:
            raise InputError(f"panel {name!r} has shape {np.shape(audio)}, expected (channels, samples)")
        check_audio(audio, f"panel {name!r}")


def stacked_axes(rows: int, height: float, title: str | None, heights: Sequence[float] | None = None):
    """Makes a figure of panels above each other that share the horizontal axis; returns both."""
    figure = Figure(figsize=(9, height * rows + 0.6), layout="constrained")
    axes = figure.subplots(rows, 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    if title:
        figure.suptitle(printable(title), parse_math=False)
    return figure, axes


def _curve(axis, history: Sequence[Mapping], value, **style) -> None:
    """Draws the epochs that have a value; a single one becomes a dot."""
    points = [(epoch["epoch"], value(epoch)) for epoch in history if value(epoch) is not None]
    if points:
        axis.plot(*zip(*points, strict=True), marker="o" if len(points) < 30 else None, markersize=3.5, **style)


def _mark_best(axis, history: Sequence[Mapping]) -> None:
    """Marks the epoch with the lowest validation loss."""
    scored = [epoch for epoch in history if epoch.get("valid_loss") is not None]
    if len(scored) > 1:
        best = min(scored, key=lambda epoch: epoch["valid_loss"])
        axis.plot(
            best["epoch"],
            best["valid_loss"],
            "o",
            markersize=9,
            fillstyle="none",
            color=ACCENT,
            label=f"best: epoch {best['epoch']}",
        )


def _erb(hertz: float | np.ndarray) -> float | np.ndarray:
    """The ERB-rate scale, which counts the ear's critical bands from 0 Hz: Glasberg and Moore 1990."""
    return 21.4 * np.log10(1 + 0.00437 * np.asarray(hertz))


def _band_power(audio: np.ndarray, sample_rate: int, top: float) -> np.ndarray:
    """Mean power (rows, columns) in bands of equal width on the ear's scale, up to `top` Hz."""
    window, samples = 1 << round(np.log2(WINDOW * sample_rate)), audio.shape[1]
    hop = max(window // 4, -(-samples // COLUMNS))
    spectra = stft(audio, hann_window(window, window), hop, -(window // 2), 1 + samples // hop, 2 * window)
    power = np.mean(np.abs(spectra) ** 2, axis=0)
    # The running sum over the bins, read at the edges of the bands, gives each band its share of the bins.
    total = np.concatenate([np.zeros((1, len(power))), np.cumsum(power.T, axis=0)])
    edges = (10 ** (np.linspace(0, _erb(top), ROWS + 1) / 21.4) - 1) / 0.00437 * 2 * window / sample_rate + 0.5
    below = np.minimum(edges.astype(int), len(total) - 2)
    share = np.minimum(edges - below, 1.0)[:, None]
    running = (1 - share) * total[below] + share * total[below + 1]
    return np.maximum(np.diff(running, axis=0), 0) / np.diff(edges)[:, None]
