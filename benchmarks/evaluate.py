"""BSSEval v4 of a whole song: ours against museval, in one run, with the largest difference of any frame.

    python benchmarks/evaluate.py [DATASET] [--split NAME] [--seconds S]

The song is the split's tracks end to end, the estimates are what an ideal ratio mask makes of its mixture. Without
DATASET, songs are generated. museval is imported with ffmpeg on the PATH, as it wants.
"""

import argparse
import tempfile
import time
from pathlib import Path

import museval
import numpy as np
from arguments import duration

from auralflow.songs import make_songs
from auralflow_core.data.crops import read_stems
from auralflow_core.data.tracks import find_tracks
from auralflow_core.evaluation.oracle import ideal_mask
from auralflow_jax.metrics import bss_eval


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("dataset", nargs="?")
    parser.add_argument("--split", default="train")
    parser.add_argument("--seconds", type=duration, default=180.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as songs:
        if arguments.dataset is None:
            make_songs(songs, tracks=3, seconds=arguments.seconds)
        names, references, rate = one_song(arguments.dataset or songs, arguments.split, arguments.seconds)
    by_name = dict(zip(names, references, strict=True))
    estimates = np.stack(list(ideal_mask(references.sum(0), by_name).values()))
    sources, channels, samples = references.shape
    print(f"{samples / rate:.0f} s at {rate} Hz, {sources} sources, {channels} channels", flush=True)
    compare(references, estimates, rate)


def one_song(dataset: str | Path, split: str, seconds: float) -> tuple[list[str], np.ndarray, int]:
    """Stems, their audio (stems, channels, samples) in stereo, and the rate of the first track, in Hz."""
    tracks = find_tracks(dataset, split)
    rate, needed = tracks[0].sample_rate, round(seconds * tracks[0].sample_rate)
    parts = [read_stems(track, track.stems, 0, round(track.seconds * rate), rate, 2) for track in tracks]
    return list(tracks[0].stems), np.concatenate(parts, axis=-1)[..., :needed], rate


def compare(references: np.ndarray, estimates: np.ndarray, rate: int) -> None:
    seconds = {}
    for name in ("ours, compiling", "ours"):
        ours, seconds[name] = timed(bss_eval, references, estimates, rate, rate)
    (sdr, isr, sir, sar), seconds["museval"] = timed(
        museval.evaluate, references.swapaxes(1, 2), estimates.swapaxes(1, 2), win=rate, hop=rate
    )
    for name, figures in seconds.items():
        wall, cpu = (
            f"{figure:6.1f} s ({slow / figure:4.1f} x)"
            for figure, slow in zip(figures, seconds["museval"], strict=True)
        )
        print(f"  {name:<16} wall {wall}   CPU {cpu}")
    for name, our, their in zip(ours._fields, ours, (sdr, sir, isr, sar), strict=True):
        assert np.array_equal(np.isnan(our), np.isnan(their))
        defined = ~np.isnan(their)
        print(
            f"  {name}: largest difference {np.abs(our - their)[defined].max():.1e} dB in {defined.sum()} frames, "
            f"median {np.median(their[defined]):.2f} dB"
        )


def timed(function, *arguments, **options) -> tuple:
    """The result, and the seconds that it took on the wall and on all cores together."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = function(*arguments, **options)
    return result, (time.perf_counter() - wall, time.process_time() - cpu)


if __name__ == "__main__":
    main()
