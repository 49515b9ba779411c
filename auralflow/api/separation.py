"""Separation of audio files into files of stems."""

import os
from collections.abc import Iterable
from pathlib import Path

from auralflow.backends import load_separator
from auralflow.pretrained import find_model
from auralflow_core.audio.encode import Encoding
from auralflow_core.console.progress import progress_bar
from auralflow_core.data.inputs import find_inputs
from auralflow_core.errors import InputError
from auralflow_core.separation.separator import OVERLAP, SeparationOptions
from auralflow_core.separation.stems import FILENAME, SeparationResult, StemOutput, separate_files


def separate(
    model: str | Path,
    inputs: str | Path | Iterable[str | Path],
    save: str | Path = "separated",
    *,
    filename: str = FILENAME,
    overwrite: bool = False,
    residual: bool = False,
    format: str = "wav",
    bits: int | None = None,
    bitrate: int | None = None,
    clip: str | None = None,
    start: float = 0.0,
    duration: float | None = None,
    overlap: float | None = None,
    shifts: int = 1,
    wiener: int = 0,
    consistency: bool = False,
    backend: str = "jax",
    targets: Iterable[str] = (),
) -> SeparationResult:
    """Separates audio files into files of stems, with a progress bar on a terminal.

    Args:
        model: a model folder, or a ready model's name.
        inputs: audio files, folders of them, or tracks' folders with a mixture in them; or a single one.
        save: the folder for everything.
        filename: of each stem in it: a template with the fields track, stem, ext and folder.
        overwrite: replace files that are there already.
        residual: also write what the stems leave of the mixture.
        format: wav, flac, ogg or mp3.
        bits: see `encoding.Encoding`, as for the next two.
        bitrate: of mp3 and ogg, in kbit/s.
        clip: what happens beyond full scale.
        start: the second to begin at.
        duration: seconds to separate. Default: to the end.
        overlap: share of a segment that is cross-faded into the next, in [0, 0.5]. Default: `separation.OVERLAP`.
        shifts: see `separation.SeparationOptions`, as for the next two.
        wiener: iterations of a Wiener filter.
        consistency: divide what the targets leave of the mixture among them.
        backend: the framework that runs the model, one of `backends.BACKENDS`.
        targets: see `separation.choose_targets`. Default: all of the model's.

    Returns:
        What happened. A file that cannot be read or written as asked is one of its `failures` and does not stop the
        others.

    Raises:
        InputError: an argument that cannot be, or none of the files could be separated.
        MissingPackage: the framework is not installed.

    Example:
        separate("my_model", "song.mp3", residual=True, duration=90)
    """
    output = StemOutput(
        Path(save), filename, Encoding(format, bits, bitrate, clip), residual, overwrite, tuple(targets)
    )
    options = SeparationOptions(
        OVERLAP if overlap is None else overlap, shifts=shifts, wiener=wiener, consistency=consistency
    )
    # All files are looked at before the model is loaded, which takes seconds.
    inputs = [inputs] if isinstance(inputs, str | os.PathLike) else inputs
    sources, problems = find_inputs(inputs, start, duration)
    separator = load_separator(find_model(model), backend)
    with progress_bar(sum(source.seconds for source in sources), "s") as advance:
        report = separate_files(sources, separator, output, options, advance)
    report.failures[:0] = problems
    if report.failures and not report.separated:
        raise InputError("\n  ".join(report.failures))
    return report
