"""Do segments show? Where a song separated in segments differs from the same song separated in one piece.

    python benchmarks/segment_borders.py [MODEL] [SONG] [--minutes M] [--segment SAMPLES]
                                       [--overlap SHARE ...] [--msst N ...] [--plot PNG]

The same network runs over the whole song at once, and over segments that are cross-faded. The difference is folded over
the distance of two segments: its level within a twentieth of a segment of where segments begin and end, next to its
level elsewhere, in dB of the estimate; and of the latter, that in the cross-fades and that outside of them. A network
that halves its frames gives another result wherever it starts, unless that is a multiple of its alignment away: the row
`unaligned` shows segments that begin anywhere. With --msst, the windows of Music-Source-Separation-Training, too, whose
sides are short straight lines, with N segments over each sample. Without MODEL, a small network with random weights;
without SONG, a generated one.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from arguments import duration, refused_by, whole_number
from matplotlib.figure import Figure

from auralflow.backends import load_separator
from auralflow.songs import make_songs
from auralflow_core.audio import read, resample
from auralflow_core.config import Config, SpectrogramNetSimple
from auralflow_core.dsp.overlap_add import fade, overlap_add
from auralflow_core.model_folder import find_model
from auralflow_core.plots.signals import save_figure
from auralflow_core.separation.options import OVERLAP, SeparationOptions, cross_fade
from auralflow_core.separation.separator import Separator, block_function

PLACES = 60  # the distance of two segments is divided into this number of parts


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", nargs="?")
    parser.add_argument("song", nargs="?")
    parser.add_argument("--minutes", type=duration, default=3.0)
    parser.add_argument("--segment", type=whole_number, metavar="SAMPLES", help="default: the model's own")
    parser.add_argument(
        "--overlap",
        type=float,
        nargs="+",
        default=[0.0, 0.1, 0.5],
        help="share of a segment, as auralflow separate takes it",
    )
    parser.add_argument(
        "--msst", type=whole_number, nargs="+", default=[], metavar="N", help="num_overlap, as settings there say"
    )
    parser.add_argument("--plot", default="borders.png")
    arguments = parser.parse_args()
    with refused_by(parser):
        separator = load_separator(find_model(arguments.model)) if arguments.model else small_separator()
    rate = separator.config.model.sample_rate
    audio = song(arguments.song, arguments.minutes, rate)
    whole = separator(audio[None])[0]
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot(xlabel="after the beginning of a segment (s)", ylabel="difference (dB of the estimate)")
    head = ("overlap", "all (dB)", "at borders (dB)", "elsewhere (dB)", "in cross-fades (dB)", "outside (dB)")
    print(f"| {' | '.join(head)} |\n{'| ---: ' * len(head)}|")
    segment = arguments.segment or separator.config.crop_samples
    windows = {f"{share:g}": (cross_fade(separator.config, share, segment), fade) for share in arguments.overlap}
    windows |= {"unaligned": (round(OVERLAP * segment), fade)}
    windows |= {f"MSST, {count}": (segment - segment // count, straight) for count in arguments.msst}
    for name, (faded, window) in windows.items():
        block = block_function(separator, SeparationOptions())
        chunked = overlap_add(block, audio, segment, faded, window=window)
        difference, estimate = (fold(signal, segment, faded) for signal in (chunked - whole, whole))
        levels = [
            decibel(difference[part].sum() / estimate[part].sum()) if estimate[part].any() else np.nan
            for part in (slice(None), *zones(segment, faded))
        ]
        label = f"{name} ({faded / segment:.3f})"
        print(f"| {label} | " + " | ".join(f"{level:.1f}" for level in levels) + " |", flush=True)
        places = np.arange(PLACES) * (segment - faded) / PLACES / rate
        axes.plot(places, decibel(difference / estimate), label=label)
    axes.legend(title="overlap asked for (and used)")
    save_figure(figure, arguments.plot)
    print(f"Wrote {arguments.plot}.")


def straight(segment: int, overlap: int) -> np.ndarray:
    """The weights of Music-Source-Separation-Training: a tenth of a segment on each side, whatever the overlap."""
    length = segment // 10
    rise = np.linspace(0, 1, length)
    return np.concatenate([rise, np.ones(segment - 2 * length), rise[::-1]])


def fold(audio: np.ndarray, segment: int, faded: int) -> np.ndarray:
    """Mean squares (places,) of audio (targets, channels, samples), over all segments but the first and the last."""
    stride = segment - faded
    count = (audio.shape[-1] - faded) // stride
    power = np.mean(audio**2, axis=(0, 1))[stride : (count - 1) * stride].reshape(-1, stride).mean(axis=0)
    return np.array([part.mean() for part in np.array_split(power, PLACES)])


def zones(segment: int, faded: int) -> tuple[np.ndarray, ...]:
    """Which places are near where a segment begins or ends; which are not; and of these, which are in a cross-fade."""
    stride = segment - faded
    places = (np.arange(PLACES) + 0.5) * stride / PLACES
    distance = np.minimum.reduce([abs(places - border) for border in (0, faded, stride)])
    near = distance < segment / 20
    return near, ~near, ~near & (places < faded), ~near & (places >= faded)


def decibel(power: np.ndarray) -> np.ndarray:
    return 10 * np.log10(power)


def song(path: str | None, minutes: float, rate: int) -> np.ndarray:
    """A song's beginning, (1, samples)."""
    if path is None:
        with tempfile.TemporaryDirectory() as folder:
            make_songs(folder, 3, 60 * minutes)
            return song(str(next(Path(folder).glob("train/*/mixture.*"))), minutes, rate)
    audio, own_rate = read(path)
    return resample(audio.mean(axis=0, keepdims=True), own_rate, rate)[:, : round(60 * minutes * rate)]


def small_separator() -> Separator:
    """A network with random weights."""
    import jax

    from auralflow_jax.models.registry import build
    from auralflow_jax.separation import Separator as JaxSeparator

    config = Config(model=SpectrogramNetSimple(num_bins=512, hidden_channels=4, depth=4))
    model = build(config)
    return JaxSeparator(model.replace(variables=model.init(jax.random.key(0))))


if __name__ == "__main__":
    main()
