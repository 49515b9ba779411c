"""Do segments show? Where a song separated in segments differs from the same song separated in one piece.

    python benchmarks/borders.py [MODEL] [SONG] [--minutes M] [--overlap SHARE ...] [--plot PNG]

The same network runs over the whole song at once, and over segments that are cross-faded. The difference is folded
over the distance of two segments: its level where segments begin and end, that is in the cross-fades and a twentieth
of a segment on either side, beside its level elsewhere, in dB of the estimate. A network that halves its frames gives
another result wherever it starts, also without any border: the level elsewhere shows that. Without MODEL, a small
network with random weights; without SONG, a generated one.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from auralflow.audio import read, resample
from auralflow.backends import load_separator
from auralflow.config import Config, SpectrogramNetSimple
from auralflow.plots import save_figure
from auralflow.separation import Separator, separate
from auralflow.songs import make_songs

PLACES = 60  # the distance of two segments is looked at in so many parts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?")
    parser.add_argument("song", nargs="?")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--overlap", type=float, nargs="+", default=[0.0, 0.1, 0.25],
                        help="less than 0.5, where everything is a cross-fade")
    parser.add_argument("--plot", default="borders.png")
    arguments = parser.parse_args()
    separator = load_separator(arguments.model) if arguments.model else small_separator()
    rate = separator.config.model.sample_rate
    audio = song(arguments.song, arguments.minutes, rate)
    whole = separator(audio[None])[0]
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot(xlabel="after the beginning of a segment (s)", ylabel="difference (dB of the estimate)")
    print("| overlap | at borders (dB) | elsewhere (dB) |\n| ---: | ---: | ---: |")
    for overlap in arguments.overlap:
        difference = fold(separate(separator, audio, rate, overlap) - whole, separator, overlap)
        estimate = fold(whole, separator, overlap)
        near, stride = borders(separator, overlap)
        at_borders, elsewhere = (decibel(difference[part].sum() / estimate[part].sum()) for part in (near, ~near))
        print(f"| {overlap:g} | {at_borders:.1f} | {elsewhere:.1f} |", flush=True)
        places = np.arange(PLACES) * stride / PLACES / rate
        axes.plot(places, decibel(difference / estimate), label=f"overlap {overlap:g}")
    axes.legend()
    save_figure(figure, arguments.plot)
    print(f"Wrote {arguments.plot}.")


def fold(audio: np.ndarray, separator: Separator, overlap: float) -> np.ndarray:
    """Mean squares (places,) of audio (targets, channels, samples), over all segments but the first and the last."""
    segment = separator.config.crop_samples
    faded = round(overlap * segment)
    stride = segment - faded
    count = (audio.shape[-1] - faded) // stride
    power = np.mean(audio**2, axis=(0, 1))[stride:(count - 1) * stride].reshape(-1, stride).mean(axis=0)
    return np.array([part.mean() for part in np.array_split(power, PLACES)])


def borders(separator: Separator, overlap: float) -> tuple[np.ndarray, int]:
    """Which places are near a border, and the distance of two segments in samples."""
    segment = separator.config.crop_samples
    faded = round(overlap * segment)
    stride = segment - faded
    starts = np.arange(PLACES) * stride / PLACES
    return (starts < faded + segment / 20) | (starts >= stride - segment / 20), stride


def decibel(power: np.ndarray) -> np.ndarray:
    return 10 * np.log10(power)


def song(path: str | None, minutes: float, rate: int) -> np.ndarray:
    """A song's beginning, (1, samples)."""
    if path is None:
        with tempfile.TemporaryDirectory() as folder:
            make_songs(folder, 3, 60 * minutes)
            return song(str(next(Path(folder).glob("train/*/mixture.*"))), minutes, rate)
    audio, own_rate = read(path)
    return resample(audio.mean(axis=0, keepdims=True), own_rate, rate)[:, :round(60 * minutes * rate)]


def small_separator() -> Separator:
    """A network with random weights."""
    import jax

    from auralflow_jax import networks
    from auralflow_jax.separation import make_separator

    config = Config(model=SpectrogramNetSimple(num_bins=512, hidden_channels=4, depth=4))
    model = networks.build(config)
    return make_separator(config, model.init(jax.random.key(0), config.crop_samples), model)


if __name__ == "__main__":
    main()
