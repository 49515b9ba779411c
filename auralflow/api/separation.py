"""Separation of audio files into files of stems."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from auralflow.api.paths import listed
from auralflow.backends import load_separator
from auralflow.separation.inputs import find_inputs, left_out
from auralflow.separation.output import StemOutput
from auralflow.separation.stems import SeparationResult, separate_files
from auralflow_core.audio.encode import Encoding
from auralflow_core.console.progress import progress_bar
from auralflow_core.ensembles.description import Description, describe
from auralflow_core.errors import InputError
from auralflow_core.model_folder import display_name, find_model
from auralflow_core.separation.options import OVERLAP, SeparationOptions

FILENAME = "{model}/{track}/{stem}.{ext}"


def separate(
    model: str | Path | Sequence[str | Path],
    inputs: str | Path | Iterable[str | Path],
    save: str | Path = "separated",
    *,
    filename: str = FILENAME,
    overwrite: bool = False,
    residual: bool = False,
    residual_name: str | None = None,
    format: str = "wav",
    bits: int | None = None,
    bitrate: int | None = None,
    clip: str | None = None,
    start: float = 0.0,
    duration: float | None = None,
    overlap: float | None = None,
    batch_size: int | None = None,
    shifts: int = 1,
    wiener: int = 0,
    consistency: bool = False,
    backend: str = "jax",
    targets: Iterable[str] = (),
    tolerate_damage: bool = False,
    adapter: str | Path | None = None,
    weights: Sequence[float] | Mapping[str, Sequence[float]] | None = None,
    combine: str | None = None,
    tags: bool = True,
) -> SeparationResult:
    """Separates audio files into files of stems, with a progress bar on a terminal.

    Args:
        model: a model folder, a pretrained model's name, `hf:USER/MODEL` of the Hugging Face Hub, an exported file
            of ONNX or TensorFlow Lite, or the JSON of an ensemble; several are an ensemble.
        inputs: audio files, folders of them, or tracks' folders with a mixture in them; or a single one. A folder
            without audio stands for all folders in it.
        save: the folder that everything is written into.
        filename: of each stem in that folder: a template with the fields track, stem, ext, model, folder, suffix and
            index; see `StemOutput`.
        overwrite: replace files that exist.
        residual: also write the rest of the mixture, without the stems.
        residual_name: the stem name of this rest, which it also asks for. Default: the model's own `residual_name`.
        format: wav, flac, ogg, mp3, or stem.mp4: one file with the song and its four stems.
        bits: of a sample; see `Encoding`, as for the next two.
        bitrate: of mp3, ogg and stem.mp4, in kbit/s.
        clip: the treatment of samples beyond full scale.
        start: the second to begin at.
        duration: seconds to separate. Default: to the end.
        overlap: share of a segment that the next one covers, too, in [0, 0.875]. Default: `options.OVERLAP`.
        batch_size: segments of one call; see `SeparationOptions`, as for the next three.
        shifts: separations that are averaged.
        wiener: iterations of a Wiener filter.
        consistency: divide the rest of the mixture among the targets.
        backend: the framework that runs the model, one of `backends.BACKENDS`.
        targets: the targets that are written, or sums of them; see `choose_targets`. Default: all of the model's.
        tolerate_damage: go on with what can be read of a damaged file, which is one of the result's `damaged`.
        adapter: a file of low-rank adapters that were trained for the model, or the folder of their run.
        weights: of several models, one for each; or for each target by name one for each. Default: all the same.
        combine: of several models, see `auralflow_core.ensembles.description.describe`. Default: mean.
        tags: give stems the tags and the cover of their song, with the stem's name in the title.

    Returns:
        Notes, failures, files and times. An input that cannot be read or written as asked is one of the `failures` and
        does not stop the others.

    Raises:
        InputError: an argument is not accepted, or none of the files could be separated.
        OSError: the disk was full or read-only before any of them was separated.
        MissingPackage: the framework is not installed.

    Example:
        separate("my_model", "song.mp3", residual=True, duration=90)
    """
    encoding, rest = Encoding(format, bits, bitrate, clip), residual or residual_name is not None
    models, inputs, save = listed(model), listed(inputs), Path(save)
    output = StemOutput(save, filename, encoding, rest, "residual", overwrite, tuple(targets), _label(models), tags)
    options = SeparationOptions(OVERLAP if overlap is None else overlap, batch_size, shifts, wiener, consistency)
    found, problems = find_inputs(inputs, start, duration, tolerate_damage=tolerate_damage, passed_over=save)
    chosen = _choose(models, weights, combine)  # when all files are open, as it may download, with a bar of its own
    with progress_bar(sum(audio.seconds for audio in found), "s", name=f"loading {output.model}") as advance:
        separator = load_separator(chosen, backend, adapter)
        output = dataclasses.replace(output, residual_name=residual_name or separator.config.model.residual_name)
        result = separate_files(found, separator, output, options, advance)
    result.model, result.device = output.model, f"{separator.RUNTIME or backend} on {separator.device}"
    return _complete(result, left_out(inputs, save), problems)


def _label(models: Sequence[str | Path]) -> str:
    return "+".join(map(display_name, models))


def _choose(
    models: Sequence[str | Path], weights: Sequence[float] | Mapping[str, Sequence[float]] | None, combine: str | None
) -> Path | Description:
    """The folder or file of one model, or the ensemble of several."""
    if len(models) != 1:
        return describe(models, weights, combine)
    if weights is not None or combine is not None:
        raise InputError(f"weights and combine are for several models, and {models[0]} is the only one")
    return find_model(models[0])


def _complete(result: SeparationResult, notes: Sequence[str], problems: Sequence[str]) -> SeparationResult:
    """Adds what is said of inputs and what was wrong with them; an error if none of them could be separated."""
    result.notes[:0], result.failures[:0] = notes, problems
    if result.failures and not result.separated:
        raise (OSError if result.out_of_room else InputError)("\n  ".join(result.failures))
    return result
