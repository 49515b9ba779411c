"""Separating audio files into stem files, from disk to disk."""

import contextlib
import dataclasses
import itertools
import math
import string
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from auralflow_core.audio import read_blocks
from auralflow_core.audio.encode import Encoding, writing
from auralflow_core.data.inputs import AudioInput
from auralflow_core.dsp.streams import ahead
from auralflow_core.errors import InputError, closest, sentence
from auralflow_core.separation.separator import SeparationOptions, Separator, choose_targets, separate_blocks

FILENAME = "{track}/{stem}.{ext}"
FIELDS = ("track", "stem", "ext", "folder")  # of such a template
RESIDUAL = "residual"

Pieces = Iterator[tuple[np.ndarray, np.ndarray]]  # mixture (channels, samples), estimates (targets, channels, samples)


@dataclasses.dataclass(frozen=True)
class StemOutput:
    """Where stems are written, and how.

    Args:
        directory: the folder for everything.
        filename: of a stem, below the directory: a template with the fields track, stem, ext and folder, the one
            that the source lies in.
        encoding: of every file.
        residual: also write what the stems leave of the mixture, under the stem name "residual".
        overwrite: replace files that are there already.
        targets: which of the model's targets are written, or sums of them; default: all of the model's.

    Raises:
        InputError: a template with unknown fields, one that does not end in {ext}, or leaves the directory.
    """

    directory: Path
    filename: str = FILENAME
    encoding: Encoding = Encoding()
    residual: bool = False
    overwrite: bool = False
    targets: tuple[str, ...] = ()

    def __post_init__(self):
        object.__setattr__(self, "directory", Path(self.directory))
        try:
            fields = [
                (name, spec, conversion)
                for _, name, spec, conversion in string.Formatter().parse(self.filename)
                if name is not None
            ]
        except ValueError as error:
            raise InputError(f"filename {self.filename!r} is no template: {error}") from None
        for name, spec, conversion in fields:
            if name not in FIELDS or spec or conversion:
                raise InputError(
                    f"filename {self.filename!r} has the unknown field {{{name}}}; {closest(name, FIELDS)}"
                )
        path = Path(self.filename)
        if not self.filename.endswith(".{ext}") or path.is_absolute() or ".." in path.parts:
            raise InputError(
                f"filename is {self.filename!r}, expected a relative path that ends in .{{ext}}, such as {FILENAME}"
            )

    def path(self, source: AudioInput, stem: str) -> Path:
        """The file of a source's stem."""
        return self.directory / self.filename.format(
            track=source.name, stem=stem, ext=self.encoding.format, folder=source.path.resolve().parent.name
        )

    def paths(self, source: AudioInput, targets: Sequence[str]) -> list[Path]:
        """All files of a source, the residual's last."""
        return [self.path(source, stem) for stem in (*targets, *[RESIDUAL] * self.residual)]


@dataclasses.dataclass
class SeparationResult:
    """How the separation of some sources went."""

    notes: list[str] = dataclasses.field(default_factory=list)  # sentences about what was done to the audio
    failures: list[str] = dataclasses.field(default_factory=list)  # a sentence for each source that failed
    separated: int = 0  # how many others there are
    audio: float = 0.0  # seconds that were separated
    seconds: float = 0.0  # that all of it took


def separate_files(
    sources: Sequence[AudioInput],
    separator: Separator,
    output: StemOutput,
    options: SeparationOptions | None = None,
    progress: Callable[[str, float], None] = lambda name, seconds: None,
) -> SeparationResult:
    """Writes the stems of every source as files of its rate, channels and length.

    Reading, separating and writing overlap, and none of them holds more than some seconds of audio. The files of a
    source appear together, when all of them are complete; what an earlier run left as its residual then disappears.

    With 16 and 24 bits, the stems and the residual add up to the mixture in that many bits exactly, unless a file
    is clipped; with `consistency`, the stems alone do. With 32 bits nothing is clipped, and what they add up to (in
    float64) is the mixture up to half the last bit of the residual: no 32-bit float could be closer.

    Args:
        sources: from `sources.find_inputs`.
        separator: the model.
        output: where to, and how.
        options: of the separation; default: `SeparationOptions()`.
        progress: told the source's name and how many seconds of it are separated.

    Returns:
        What happened. A source that cannot be read or written as asked is a failure and does not stop the others, as
        long as there is room on the disk. Nor is one separated whose stems would replace a source, or those of an
        earlier one.

    Raises:
        InputError: the model has no such target, or stems of one source would have the same names.
    """
    options, started, report = options or SeparationOptions(), time.monotonic(), SeparationResult()
    options.check(separator.targets)
    sums = choose_targets(separator, output.targets)
    refused = _clashes(sources, list(sums), output)
    for index, source in enumerate(sources):
        try:
            if index in refused:
                raise InputError(refused[index])
            report.notes += _separate_file(source, separator, sums, output, options, progress)
            report.separated += 1
            report.audio += source.seconds
        except InputError as error:
            report.failures.append(str(error))
        except OSError as error:  # it would be the same with the next one
            report.failures += [
                f"{source.path}: {sentence(error)}",
                *(f"{other.path}: not tried" for other in sources[index + 1 :]),
            ]
            break
    report.seconds = time.monotonic() - started
    return report


def _clashes(sources: Sequence[AudioInput], targets: Sequence[str], output: StemOutput) -> dict[int, str]:
    """Why a source, given by its place, must not be separated, where its stems would replace what is needed."""
    if output.residual and RESIDUAL in targets:
        raise InputError(f"the model has a target {RESIDUAL!r}, whose file the residual would replace")
    known = {source.path.resolve() for source in sources}
    taken: dict[str, AudioInput] = {}
    refused = {}
    for index, source in enumerate(sources):
        paths = output.paths(source, targets)
        # Some file systems take names that differ in case only for the same.
        names = [str(path).casefold() for path in paths]
        if len(set(names)) < len(names):
            raise InputError(
                f"filename {output.filename!r} gives several stems of {source.path} one name; expected "
                "one with {stem}"
            )
        beside = source.path.stem == "mixture" and source.path.parent.resolve() in {
            path.parent.resolve() for path in paths
        }
        if beside or known & {path.resolve() for path in paths}:
            refused[index] = (
                f"{source.path}: not separated, its stems would be written over the files that they are "
                f"made from; save to another folder than {output.directory}"
            )
        elif twin := next((taken[name] for name in names if name in taken), None):
            refused[index] = (
                f"{source.path}: not separated, its stems would be written over those of {twin.path}; "
                "save to another folder, or tell them apart by {folder} in the filename"
            )
        else:
            taken |= dict.fromkeys(names, source)
    return refused


def _separate_file(
    source: AudioInput,
    separator: Separator,
    sums: Mapping[str, Sequence[int]],
    output: StemOutput,
    options: SeparationOptions,
    progress: Callable[[str, float], None],
) -> list[str]:
    """Writes one source's stems; returns sentences about what was done to them."""
    encoding, rate = output.encoding, source.sample_rate
    paths, stale = output.paths(source, list(sums)), output.path(source, RESIDUAL)
    # Only if each target is in one of the files do these add up to the mixture.
    consistent = options.consistency and sorted(itertools.chain(*sums.values())) == list(range(len(separator.targets)))
    for path in (*paths, stale):
        if path.exists() and not output.overwrite:
            raise InputError(f"{source.path}: not separated, {path} is there already; --overwrite replaces it")
    lost, notes = Counter(), []
    with contextlib.ExitStack() as stack:
        writers = stack.enter_context(writing(paths, encoding, rate, source.channels, source.samples))
        blocks = stack.enter_context(ahead(read_blocks(source.path, source.start, source.samples)))
        separated = separate_blocks(separator, blocks, source.samples, rate, options)
        chosen = (
            (mixture, np.stack([estimates[parts].sum(0) for parts in sums.values()]))
            for mixture, estimates in separated
        )
        pieces = _told(stack.enter_context(ahead(chosen)), lambda samples: progress(source.name, samples / rate))
        if encoding.clip == "rescale":
            spool = stack.enter_context(tempfile.TemporaryFile(dir=paths[0].parent))
            pieces, gain = rescaled(pieces, spool, encoding, output.residual)
            if gain < 1:
                notes.append(
                    f"{source.path}: all stems made softer by {-20 * math.log10(gain):.2f} dB, to stay within "
                    "full scale"
                )
        for mixture, estimates in pieces:
            held = quantized(mixture, estimates, encoding, output.residual, consistent)
            for writer, (audio, clipped) in zip(writers, held, strict=True):
                writer.write(audio)
                lost[writer.name] += clipped
            if output.residual or consistent:
                lost[f"{source.path} (the mixture)"] += encoding.quantize_for_file(mixture)[1]
        if stale not in paths:
            stale.unlink(missing_ok=True)
    total = source.samples * source.channels
    return notes + [
        f"{name}: {count} of {total} samples clipped at full scale; clip rescale avoids it, 32 bits keep them"
        for name, count in lost.items()
        if count
    ]


def quantized(
    mixture: np.ndarray, estimates: np.ndarray, encoding: Encoding, residual: bool = False, consistent: bool = False
) -> Iterator[tuple[np.ndarray, int]]:
    """The stems as files hold them, and behind them what they leave of the mixture.

    Args:
        mixture: (channels, samples).
        estimates: (targets, channels, samples).
        encoding: of the files.
        residual: whether it is wanted.
        consistent: the estimates add up to the mixture, and so must the files: the last stem takes what is rounded
            off the others.

    Yields:
        Audio (channels, samples), and the number of clipped samples.
    """
    # In float64 these sums are exact on the grids of 16 and 24 bits.
    rest = encoding.quantize_for_file(mixture)[0].astype(np.float64)
    for number, estimate in enumerate(estimates, 1):
        audio, clipped = encoding.quantize_for_file(rest if consistent and number == len(estimates) else estimate)
        rest -= audio
        yield audio, clipped
    if residual:
        yield encoding.quantize_for_file(rest)


def rescaled(pieces: Pieces, spool: BinaryIO, encoding: Encoding, residual: bool) -> tuple[Pieces, float]:
    """Makes mixture and estimates softer by one factor, so that nothing exceeds full scale.

    They wait in a file, as the factor is known when the last of them has come.

    Args:
        pieces: of the whole song.
        spool: an empty file, open for reading and writing.
        encoding: its full scale is kept to.
        residual: whether there is one, which must fit as well.

    Returns:
        The pieces again, and the factor, at most 1.
    """
    peak, count = 0.0, 0
    for mixture, estimates in pieces:
        signals = [estimates, mixture, mixture - estimates.sum(axis=0)] if residual else [estimates]
        peak, count = max(peak, *(float(np.abs(signal).max()) for signal in signals)), count + 1
        np.save(spool, mixture, allow_pickle=False)
        np.save(spool, estimates, allow_pickle=False)
    # Rounding takes half a step for each file, the positive half of an integer's range is short of one more.
    steps = 0 if encoding.bits in (None, 32) else len(estimates) + 2
    limit = 1 - steps * 2.0 ** (1 - (encoding.bits or 1))
    gain = min(1.0, limit / peak) if peak else 1.0

    def again() -> Pieces:
        spool.seek(0)
        for _ in range(count):
            mixture, estimates = np.load(spool), np.load(spool)
            yield mixture * np.float32(gain), estimates * np.float32(gain)

    return again(), gain


def _told(pieces: Iterable[tuple[np.ndarray, np.ndarray]], tell: Callable[[int], None]) -> Pieces:
    """Passes pieces on and tells how many samples have been passed on."""
    done = 0
    for mixture, estimates in pieces:
        yield mixture, estimates
        done += mixture.shape[-1]
        tell(done)
