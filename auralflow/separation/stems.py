"""Separating audio files into files of stems."""

import contextlib
import dataclasses
import itertools
import math
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from auralflow.separation.inputs import AudioInput
from auralflow.separation.output import StemOutput, same_file
from auralflow.separation.quantization import Pieces, quantize_stems, rescale
from auralflow_core.audio import read_blocks
from auralflow_core.audio.encode import Writer, writing
from auralflow_core.audio.stem_mp4 import StemFileWriter, arrange, require_ffmpeg
from auralflow_core.audio.tags import Tags, read_tags, write_tags
from auralflow_core.console.text import count
from auralflow_core.dsp.streams import ahead
from auralflow_core.errors import NO_ROOM, InputError, sentence
from auralflow_core.separation.options import SeparationOptions
from auralflow_core.separation.separator import Separator, separate_blocks
from auralflow_core.separation.song_level import song_level
from auralflow_core.separation.targets import choose_targets
from auralflow_core.storage.staging import remove_abandoned

Progress = Callable[[str, float], None]  # the track's name, and how many of its seconds are separated


@dataclasses.dataclass
class SeparationResult:
    """The outcome of separating some inputs."""

    notes: list[str] = dataclasses.field(default_factory=list)  # sentences about clipped or rescaled audio
    failures: list[str] = dataclasses.field(default_factory=list)  # a sentence for each input that failed
    damaged: list[str] = dataclasses.field(default_factory=list)  # and for each that was separated without what is lost
    separated: int = 0  # number of the other inputs
    files: list[Path] = dataclasses.field(default_factory=list)  # the stems that were written
    out_of_room: bool = False  # a full or read-only disk ended the work
    audio: float = 0.0  # seconds of audio that were separated
    seconds: float = 0.0  # seconds that all of it took
    model: str = ""  # the model's name
    device: str = ""  # the framework and the device that it ran on

    def __repr__(self) -> str:
        return (
            f"SeparationResult({self.separated} separated, {len(self.failures)} failed, "
            f"{count(len(self.files), 'file')}, {self.audio:.1f} s of audio in {self.seconds:.1f} s)"
        )


def separate_files(
    inputs: Sequence[AudioInput],
    separator: Separator,
    output: StemOutput,
    options: SeparationOptions | None = None,
    progress: Progress = lambda name, seconds: None,
) -> SeparationResult:
    """Writes the stems of every input as files of its rate, channels and length.

    Reading, separating and writing overlap, and each holds no more than some seconds of audio. The files of an input
    appear together, when all of them are complete; the residual of an earlier run is then removed.

    With 16 and 24 bits, the stems and the residual add up to the mixture in that many bits exactly, unless a file
    is clipped; with `consistency`, the stems alone do. With 32 bits nothing is clipped, and the sum (in float64)
    differs from the mixture by at most half the last bit of the residual: no 32-bit float could be closer.

    Args:
        inputs: from `inputs.find_inputs`.
        separator: the model.
        output: the files to write.
        options: of the separation; default: `SeparationOptions()`.
        progress: called with the track's name and how many of its seconds are separated.

    Returns:
        Notes, failures, files and times. An input that cannot be read or written as asked is a failure and does not
        stop the others, unless the disk is full or read-only. An input is also a failure if its stems would replace an
        input, or the stems of an earlier one.

    Raises:
        InputError: the model lacks a target, stems of one input would have the same names, or a file that holds all
            stems does not hold that many.
    """
    options, started, result = options or SeparationOptions(), time.monotonic(), SeparationResult()
    options.check(separator.targets)
    sums = choose_targets(separator, output.targets)
    if not options.wiener and not options.consistency:  # which need the others, too
        separator = separator.narrow(sorted({*itertools.chain(*sums.values())}))
    order = _arrange(sums, output)
    if output.directory.is_dir():
        remove_abandoned(output.directory)  # which can complete the stems of a run that was killed
    refused = _refusals(inputs, list(sums), output)
    for index, audio in enumerate(inputs):
        try:
            if index in refused:
                raise InputError(refused[index])
            result.notes += _separate_file(audio, separator, sums, order, output, options, progress)
        except InputError as error:
            result.failures.append(str(error))
        except OSError as error:
            result.failures.append(f"{audio.path}: {sentence(error)}")
            if error.errno in NO_ROOM:
                result.failures += [f"{other.path}: not tried" for other in inputs[index + 1 :]]
                result.out_of_room = True
                break
        else:
            result.separated += 1
            result.damaged += [audio.damage] * bool(audio.damage)
            result.audio += audio.seconds
            result.files += output.paths(audio, list(sums))
    result.seconds = time.monotonic() - started
    return result


def _arrange(sums: Collection[str], output: StemOutput) -> list[str]:
    """Checks the names of stems; returns their order in files that hold all of them, none where each has a file."""
    if output.residual and output.residual_name in sums:
        raise InputError(
            f"{output.residual_name!r} is a target, whose file the residual would replace; --residual_name gives it "
            "another name"
        )
    if not output.encoding.is_stem_file:
        return []
    require_ffmpeg()
    return arrange([*sums, *[output.residual_name] * output.residual])


def _refusals(inputs: Sequence[AudioInput], targets: Sequence[str], output: StemOutput) -> dict[int, str]:
    """The inputs, by their place, that must not be separated, as their stems would replace other files; and why."""
    known = {audio.path.resolve() for audio in inputs}
    taken: dict[str, AudioInput] = {}
    refused = {}
    for index, audio in enumerate(inputs):
        try:
            paths = output.paths(audio, targets)
        except InputError as error:
            refused[index] = str(error)
            continue
        names = [same_file(path) for path in paths]
        if len(set(names)) < len(names):
            raise InputError(
                f"filename {output.filename!r} gives several stems of {audio.path} one name; expected one with {{stem}}"
            )
        folders = {Path(os.path.realpath(path.parent)) for path in paths}
        in_track = audio.path.stem == "mixture" and audio.path.parent.resolve() in folders
        if in_track or known & {Path(os.path.realpath(path)) for path in paths}:
            refused[index] = (
                f"{audio.path}: not separated, its stems would be written over the files that they are "
                f"made from; save to another folder than {output.directory}"
            )
        elif twin := next((taken[name] for name in names if name in taken), None):
            refused[index] = (
                f"{audio.path}: not separated, its stems would be written over those of {twin.path}; "
                "save to another folder, or tell them apart by {folder}, {suffix} or {index} in the filename"
            )
        else:
            taken |= dict.fromkeys(names, audio)
    return refused


def _separate_file(
    audio: AudioInput,
    separator: Separator,
    sums: Mapping[str, Sequence[int]],
    order: Sequence[str],
    output: StemOutput,
    options: SeparationOptions,
    progress: Progress,
) -> list[str]:
    """Writes the stems of one input; returns sentences about clipped or rescaled audio."""
    encoding, rate = output.encoding, audio.sample_rate
    paths, stale = output.paths(audio, list(sums)), output.path(audio, output.residual_name)
    _check_new(audio, (*paths, stale), output)
    # The files add up to the mixture only if each target is in one of them.
    consistent = options.consistency and sorted(itertools.chain(*sums.values())) == list(range(len(separator.targets)))
    stems, clipped, notes = [*sums, output.residual_name], Counter[str](), list[str]()
    finish = _tagger(audio, stems, output, notes)
    read = partial(read_blocks, audio.path, audio.start, audio.samples, tolerate_damage=bool(audio.damage))
    with contextlib.ExitStack() as stack:
        shape, leftover = (audio.channels, audio.samples), [] if stale in paths else [stale]
        opened = partial(StemFileWriter, stems=order) if order else Writer
        files = writing(paths, encoding, rate, *shape, output.directory, leftover, audio.mask, finish, opened)
        writers = stack.enter_context(files)
        _check_new(audio, (*paths, stale), output)  # once more, now that no other run can write them
        level = song_level(read()) if separator.config.model.normalize_song else None
        blocks = stack.enter_context(ahead(read()))
        separated = _sum_targets(separate_blocks(separator, blocks, audio.samples, rate, options, level), sums)
        pieces = _count(stack.enter_context(ahead(separated)), lambda samples: progress(audio.name, samples / rate))
        if encoding.clip == "rescale":
            spool = stack.enter_context(tempfile.TemporaryFile(dir=output.directory))
            pieces, gain = rescale(pieces, spool, encoding, output.residual, consistent or bool(order))
            notes += [f"{audio.path}: {_softened(gain)}"] * (gain < 1)
        for mixture, estimates in pieces:
            whole, too_loud = encoding.quantize_for_file(mixture)
            parts = quantize_stems(mixture, estimates, encoding, output.residual, consistent)
            found = dict(zip(stems if output.residual else sums, parts, strict=True))
            _write(whole, {name: stem for name, (stem, _) in found.items()}, writers, order)
            for name, (_, lost) in found.items():
                clipped[f"{output.path(audio, name)}{f' ({name})' * bool(order)}"] += lost
            clipped[f"{audio.path} (the mixture)"] += too_loud * bool(output.residual or order)
    return notes + _clipping_notes(clipped, audio.samples * audio.channels)


def _softened(gain: float) -> str:
    return f"all stems made softer by {-20 * math.log10(gain):.2f} dB, to stay within full scale"


def _write(
    mixture: np.ndarray, stems: Mapping[str, np.ndarray], writers: Sequence[Writer], order: Sequence[str]
) -> None:
    """Writes a piece of each stem into its file or, in an order, behind the mixture into the one that holds all."""
    if order:
        writers[0].write(np.stack([mixture, *[stems[name] for name in order]]))
    else:
        for writer, stem in zip(writers, stems.values(), strict=True):
            writer.write(stem)


def _check_new(audio: AudioInput, paths: Iterable[Path], output: StemOutput) -> None:
    """Raises an InputError if a file exists that must not be replaced."""
    for path in paths:
        if os.path.lexists(path) and not output.overwrite:
            raise InputError(f"{audio.path}: not separated, {path} exists already; --overwrite replaces it")


def _tagger(audio: AudioInput, stems: Sequence[str], output: StemOutput, notes: list[str]) -> Callable[[Writer], None]:
    """A function that gives a complete stem the tags of its song; adds to `notes` what cannot be read or written."""
    try:
        tags = read_tags(audio.path) if output.tags else Tags()
    except ValueError as error:
        notes.append(f"{audio.path}: {error}; the stems have none")
        tags = Tags()
    names = {output.path(audio, stem): stem for stem in stems}

    def tag(writer: Writer) -> None:
        stem = "" if output.encoding.is_stem_file else names[writer.name]
        try:
            write_tags(writer.path, tags.of_stem(stem, audio.name), output.encoding.format)
        except ValueError as error:
            notes.append(f"{writer.name}: {error}")

    return tag if tags else lambda writer: None


def _clipping_notes(clipped: Mapping[str, int], total: int) -> list[str]:
    advice = "clip rescale avoids it, 32 bits keep them"
    found = [(name, lost) for name, lost in clipped.items() if lost]
    return [f"{name}: {lost} of {count(total, 'sample')} clipped at full scale; {advice}" for name, lost in found]


def _sum_targets(pieces: Iterable[tuple[np.ndarray, np.ndarray]], sums: Mapping[str, Sequence[int]]) -> Pieces:
    """Replaces the estimates of the model's targets by sums of them, given by their indices."""
    for mixture, estimates in pieces:
        yield mixture, np.stack([estimates[parts].sum(0) for parts in sums.values()])


def _count(pieces: Iterable[tuple[np.ndarray, np.ndarray]], progress: Callable[[int], None]) -> Pieces:
    """Passes pieces on, and calls `progress` with the number of samples that have been passed on."""
    done = 0
    for mixture, estimates in pieces:
        yield mixture, estimates
        done += mixture.shape[-1]
        progress(done)
