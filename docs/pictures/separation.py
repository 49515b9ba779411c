"""Draws a generated song, taken apart by the model that ships with auralflow: `python docs/pictures/separation.py`."""

import tempfile
from pathlib import Path

import numpy as np
from drawing import IMAGES
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch

from auralflow.songs import make_songs
from auralflow_core.audio import read
from auralflow_jax import spectral
from auralflow_jax.loading import load

SEED = 77  # its songs are none of those that the model was trained on
COLOURS = {"mixture": "#334155", "bass": "#7c3aed", "drums": "#b45309", "other": "#15803d", "vocals": "#be123c"}
NUM_FFT, HOP_LENGTH, TOP_HZ = 2048, 512, 6000


def main() -> None:
    """Makes a song, separates it, and draws all pictures of it."""
    with tempfile.TemporaryDirectory() as folder:
        song = make_songs(folder, tracks=3, seconds=8, seed=SEED)[0]
        mixture, rate = read(Path(song) / "mixture.wav")
        vocals, _ = read(Path(song) / "vocals.wav")
    model = load("auralflow-4stems")
    stems = dict(zip(model.targets, np.asarray(model.separate(mixture, rate)), strict=True))
    save(draw_stems({"mixture": mixture, **stems}), "stems.png")
    save(draw_mask(mixture, stems["vocals"], vocals, rate), "mask.png")
    save(draw_frames(mixture, rate), "frames.png")


def draw_stems(signals: dict[str, np.ndarray]) -> Figure:
    """The mixture on the left, its stems on the right."""
    figure = Figure(figsize=(7.2, 3.6), dpi=100)
    margins = {"left": 0.02, "right": 0.98, "top": 0.9, "bottom": 0.03}
    grid = figure.add_gridspec(4, 2, hspace=0.55, wspace=0.35, **margins)
    left = figure.add_subplot(grid[1:3, 0])
    for name, signal in signals.items():
        number = list(signals).index(name) - 1
        axis = left if name == "mixture" else figure.add_subplot(grid[number, 1])
        envelope(axis, signal, COLOURS[name], name)
        if axis is not left:
            arrow = {"arrowstyle": "-|>", "color": "#64748b", "mutation_scale": 14, "shrinkA": 6, "shrinkB": 6}
            ends = {"xyA": (1, 0.5), "xyB": (0, 0.5), "coordsA": left.transAxes, "coordsB": axis.transAxes}
            figure.add_artist(ConnectionPatch(**ends, **arrow))
    return figure


def envelope(axis, signal: np.ndarray, colour: str, name: str) -> None:
    """The range of the samples over time, without axes."""
    starts = np.arange(0, signal.shape[1], 256)
    low = np.minimum.reduceat(signal.min(axis=0), starts)
    high = np.maximum.reduceat(signal.max(axis=0), starts)
    axis.fill_between(starts, low, high, color=colour, linewidth=0.3)
    axis.set_title(name, fontsize=17, color=colour, loc="left", pad=8 if name == "mixture" else 3)
    axis.set_xlim(0, signal.shape[1])
    axis.set_ylim(*((-1, 1) if name == "mixture" else (-0.5, 0.5)))
    axis.axis("off")


def draw_mask(mixture: np.ndarray, estimate: np.ndarray, reference: np.ndarray, rate: int) -> Figure:
    """Magnitudes of the mixture, of the vocals' estimate and reference, and the share that was kept."""
    seen, kept, truth = (magnitudes(signal, rate) for signal in (mixture, estimate, reference))
    mask = np.clip(kept / np.maximum(seen, 1e-6), 0, 1)
    figure = Figure(figsize=(7.2, 5.6), dpi=80, layout="constrained")
    axes = figure.subplots(2, 2, sharex=True, sharey=True).ravel()
    level = 20 * np.log10(seen.max())
    for axis, (title, values) in zip(
        axes, {"mixture": seen, "mask": mask, "mask × mixture": kept, "true vocals": truth}.items(), strict=True
    ):
        is_mask = title == "mask"
        shown = values if is_mask else 20 * np.log10(np.maximum(values, 1e-6)) - level
        axis.imshow(
            shown,
            origin="lower",
            aspect="auto",
            cmap="gray" if is_mask else "magma",
            vmin=0 if is_mask else -70,
            vmax=1 if is_mask else 0,
            extent=(0, mixture.shape[1] / rate, 0, TOP_HZ / 1000),
        )
        axis.set_title(title, fontsize=18)
        axis.tick_params(labelsize=13)
    for axis in axes[2:]:
        axis.set_xlabel("seconds", fontsize=15)
    for axis in axes[::2]:
        axis.set_ylabel("kHz", fontsize=15)
    return figure


def magnitudes(signal: np.ndarray, rate: int) -> np.ndarray:
    """Magnitudes (bins, frames) of the channels' mean, up to TOP_HZ."""
    spectrum = np.asarray(spectral.stft(signal.mean(axis=0, keepdims=True), NUM_FFT, HOP_LENGTH, NUM_FFT))[0]
    return np.abs(spectrum[: TOP_HZ * NUM_FFT // rate])


def draw_frames(mixture: np.ndarray, rate: int) -> Figure:
    """How the STFT cuts a signal into overlapping, windowed frames, each of which becomes a column."""
    start, frames = 2 * rate, 4
    signal = mixture.mean(axis=0)[start : start + NUM_FFT + (frames - 1) * HOP_LENGTH]
    time = 1000 * np.arange(len(signal)) / rate
    figure = Figure(figsize=(7.2, 4.6), dpi=100, layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=(1, 1.3))
    above.plot(time, signal, color="#334155", linewidth=0.8)
    window = np.hanning(NUM_FFT)
    for frame in range(frames):
        begin = frame * HOP_LENGTH
        above.plot(time[begin : begin + NUM_FFT], np.abs(signal).max() * window, linewidth=2.5)
    above.set_title(f"{frames} frames of {NUM_FFT} samples, {HOP_LENGTH} apart", fontsize=17)
    above.set_xlabel("milliseconds", fontsize=14)
    above.set_yticks([])
    above.margins(x=0)
    spectrum = np.abs(
        np.fft.rfft([signal[begin : begin + NUM_FFT] * window for begin in range(0, frames * HOP_LENGTH, HOP_LENGTH)])
    ).T[:120]
    below.imshow(20 * np.log10(spectrum + 1e-3), origin="lower", aspect="auto", cmap="magma", interpolation="nearest")
    below.set_title("their magnitudes: 4 columns of a spectrogram", fontsize=17)
    below.set_xticks(range(frames), [f"frame {frame + 1}" for frame in range(frames)], fontsize=14)
    below.set_ylabel("bin", fontsize=14)
    below.tick_params(labelsize=13)
    above.tick_params(labelsize=13)
    return figure


def save(figure: Figure, name: str) -> None:
    """Writes a picture to docs/images, in few colours, so that it stays small."""
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    picture.quantize(64, dither=Image.Dither.NONE).save(IMAGES / name, optimize=True)


if __name__ == "__main__":
    main()
