"""Separating audio files into stem files: `<directory>/<track>/<target>.wav`."""

import dataclasses
import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from auralflow.audio import is_audio, probe, quantise, read, write
from auralflow.backends import load_separator
from auralflow.config import Config
from auralflow.errors import InputError
from auralflow.separation import separate

SUBTYPES = {16: "PCM_16", 24: "PCM_24", 32: "FLOAT"}  # by the bits of a sample
RESIDUAL = "residual"

# (audio (channels, samples), sample rate in Hz, told the seconds that are done) -> (targets, channels, samples)
Separate = Callable[[np.ndarray, int, Callable[[float], None]], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Source:
    """A part of an audio file that is to be separated."""

    name: str  # of the track
    path: Path
    start: int  # the first sample
    samples: int
    sample_rate: int  # Hz

    @property
    def seconds(self) -> float:
        """The duration of the part."""
        return self.samples / self.sample_rate


def find_sources(inputs: Iterable[str | Path], start: float = 0.0, duration: float | None = None) -> list[Source]:
    """Finds the files to separate and checks them all.

    Args:
        inputs: audio files; folders of audio files; tracks, that is folders that hold a `mixture` and are separated
            under their own name. Hidden files, and files in a folder that are no audio, are passed over.
        start: where the part begins, in seconds.
        duration: its length in seconds; a file that ends earlier is separated to its end. Default: all.

    Raises:
        InputError: a file is missing, damaged, shorter than `start` or has more than two channels; a folder holds no
            audio; two tracks have the same name.
    """
    if not 0 <= start < float("inf"):
        raise InputError(f"start is {start} s, expected 0 or more")
    if duration is not None and not 0 < duration < float("inf"):
        raise InputError(f"duration is {duration} s, expected more than 0")
    files = itertools.chain.from_iterable(map(_files, map(Path, inputs)))
    sources: dict[str, Source] = {}
    for name, path in files:
        source = _source(name, path, start, duration)
        # Some file systems take names that differ in case only for the same.
        if (other := sources.setdefault(name.casefold(), source)) is not source:
            raise InputError(f"{other.path} and {path} would both be written to the folder {name!r}; "
                             "separate them into different folders")
    return list(sources.values())


def load_model(folder: str | Path, overlap: float | None = None, backend: str = "jax") -> tuple[Separate, Config]:
    """Loads a trained model, for `separate_files` and the like.

    Args:
        folder: a model folder.
        overlap: share of a segment that is cross-faded, in [0, 0.5]; default: `separation.OVERLAP`.
        backend: framework to run it in, one of `backends.BACKENDS`.

    Returns:
        The model as a function, and the configuration that it was trained with.

    Raises:
        InputError: there is no trained model in the folder, or the overlap is out of range.
    """
    if overlap is not None and not 0 <= overlap <= 0.5:
        raise InputError(f"overlap is {overlap}, expected 0 to 0.5")
    model = load_separator(folder, backend)
    options = {} if overlap is None else {"overlap": overlap}

    def run(audio: np.ndarray, sample_rate: int, progress: Callable[[float], None]) -> np.ndarray:
        return separate(model, audio, sample_rate, progress=lambda samples: progress(samples / sample_rate), **options)

    return run, model.config


def separate_files(
    sources: Sequence[Source],
    separate: Separate,
    targets: Sequence[str],
    directory: str | Path,
    bits: int = 32,
    residual: bool = False,
    progress: Callable[[str, float], None] = lambda name, seconds: None,
) -> tuple[list[str], float]:
    """Writes the stems of every source as wav files of its rate, channels and length.

    With 16 and 24 bits, the stems and the residual add up to the mixture in that many bits exactly, unless a file
    is clipped. With 32 bits nothing is clipped, and what they add up to (in float64) is the mixture up to half the
    last bit of the residual: no 32-bit float could be closer.

    Args:
        sources: from `find_sources`.
        separate: the model; its result has the targets in the order of `targets`.
        targets: their names, which become the files'.
        directory: gets a folder for each source. Files of the same names in it are replaced.
        bits: 16 or 24 (integers), or 32 (floating point).
        residual: also write residual.wav, what the stems leave of the mixture.
        progress: told the source's name and how many seconds of it are done.

    Returns:
        A line for each file that was clipped, and the seconds that all of it took.

    Raises:
        InputError: a source lies in the folder that its stems would be written to.
    """
    directory, clipped, started = Path(directory), [], time.monotonic()
    if residual and RESIDUAL in targets:
        raise InputError(f"the model has a target {RESIDUAL!r}, whose file the residual would replace")
    for source in sources:
        if source.path.parent.resolve() == (directory / source.name).resolve():
            raise InputError(f"{source.path}: its stems would be written beside it, over files of the same names; "
                             f"save to another folder than {directory}")
        (directory / source.name).mkdir(parents=True, exist_ok=True)  # before the work, not after it
    for source in sources:
        mixture, rate = read(source.path, source.start, source.samples)
        estimates = separate(mixture, rate, lambda seconds, name=source.name: progress(name, seconds))
        signals = dict(zip(targets, estimates, strict=True))
        subtype, lost = SUBTYPES[bits], {}
        for name, audio, count in quantised(mixture, signals, subtype, residual):
            path = directory / source.name / f"{name}.wav"
            write(path, audio, rate, subtype)
            lost[path] = count
        if residual:
            lost[f"{source.path} (the mixture)"] = quantise(mixture, subtype)[1]
        clipped += [f"{path}: {count} of {mixture.size} samples clipped at {bits} bits, 32 bits would keep them"
                    for path, count in lost.items() if count]
    return clipped, time.monotonic() - started


def quantised(mixture: np.ndarray, stems: dict[str, np.ndarray], subtype: str, residual: bool) \
        -> Iterable[tuple[str, np.ndarray, int]]:
    """The stems as a file of a subtype holds them, and behind them what they leave of the mixture.

    Args:
        mixture: (channels, samples).
        stems: of the same shape.
        subtype: see `audio.quantise`.
        residual: whether it is wanted.

    Yields:
        Name, audio (channels, samples) and number of clipped samples.
    """
    # In float64 these sums are exact on the grids of 16 and 24 bits.
    rest = quantise(mixture, subtype)[0].astype(np.float64)
    for name, stem in stems.items():
        audio, clipped = quantise(stem, subtype)
        rest -= audio
        yield name, audio, clipped
    if residual:
        yield RESIDUAL, *quantise(rest, subtype)


def _files(path: Path) -> list[tuple[str, Path]]:
    """Track names and audio files of one input."""
    if not path.is_dir():
        return [(path.stem, path)]
    files = sorted(file for file in path.iterdir()
                   if is_audio(file) and not file.name.startswith(".") and not file.is_dir())
    if not files:
        raise InputError(f"{path}: holds no audio files; an audio file, a folder of them, or a track's folder with "
                         "a mixture is expected")
    mixtures = [file for file in files if file.stem == "mixture"]
    if len(mixtures) > 1:
        raise InputError(f"{path}: holds {' and '.join(file.name for file in mixtures)}, where one mixture is expected")
    return [(path.resolve().name, mixtures[0])] if mixtures else [(file.stem, file) for file in files]


def _source(name: str, path: Path, start: float, duration: float | None) -> Source:
    info = probe(path)
    if info.channels > 2:
        raise InputError(f"{path}: has {info.channels} channels; mono and stereo files are accepted")
    first = round(start * info.sample_rate)
    if first >= info.samples:
        raise InputError(f"{path}: start is {start:g} s, but the file is only "
                         f"{info.samples / info.sample_rate:.3f} s long")
    wanted = info.samples if duration is None else max(1, round(duration * info.sample_rate))
    return Source(name, path, first, min(wanted, info.samples - first), info.sample_rate)
