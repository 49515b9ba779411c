"""`auralflow separate`: separates audio files into stems."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from auralflow.cli.arguments import add_backend, settings
from auralflow.pretrained.defaults import DEFAULT, DEFAULTS, ENSEMBLE
from auralflow_core.console.parser import Parser
from auralflow_core.console.text import printable
from auralflow_core.errors import InputError

FILENAME = "{model}/{track}/{stem}.{ext}"
FEW = 12  # largest number of folders whose files are listed
# Flags of other tools, and what stands for them here.
HINTS = {
    **dict.fromkeys(("--out", "--output", "--output_path", "--output_dir"), "--save DIR"),
    **dict.fromkeys(("--stem", "--stems"), "--targets A,B"),
    "--two_stems": "--targets vocals --residual",
    "--name": "--model MODEL",
    "--mp3": "--format mp3",
    "--flac": "--format flac",
    "--mp3_bitrate": "--bitrate KBIT",
    "--int24": "--bits 24",
    "--float32": "--bits 32",
    "--clip_mode": "--clip",
    "--device": "--backend, or the variable JAX_PLATFORMS of the environment, such as JAX_PLATFORMS=cpu",
}


def add_arguments(parser: Parser) -> None:
    """Adds the sub-command's arguments."""
    parser.add_argument(
        "inputs",
        metavar="[MODEL] INPUT",
        nargs="+",
        help="audio files, folders of them, or tracks' folders that hold a mixture; before them a model: its folder, "
        f"or a pretrained model's name (default: {DEFAULT} or, for --targets that it lacks, {DEFAULTS[1]} or, "
        f"with vocals among them, {ENSEMBLE})",
    )
    text = "the model, also an exported .onnx or .tflite file, or hf:USER/MODEL of the Hugging Face Hub; all other "
    text += "arguments are then inputs. Several, each after a --model of its own, are an ensemble"
    parser.add_argument("--model", metavar="MODEL", action="append", help=text)
    text = "of an ensemble: a number for each model; or, once for each target, TARGET=A,B (default: all the same)"
    parser.add_argument("--weights", metavar="A,B", action="append", help=text)
    text = "of an ensemble: mean of the audio (the default), or mean_, median_, max_ or min_magnitude of the spectra"
    parser.add_argument("--combine", metavar="HOW", help=text)
    text = "low-rank adapters that were trained for the model: their file, or the folder of their run"
    parser.add_argument("--adapter", metavar="FILE", help=text)
    parser.hint = HINTS.get
    add_file_arguments(parser)
    add_encoding_arguments(parser)
    add_quality_arguments(parser)
    add_backend(parser)


def run(arguments: argparse.Namespace) -> int:
    """Separates files into stems; returns 1 if some of them could not be separated, or were damaged."""
    from auralflow.api.separation import separate
    from auralflow.pretrained import PRETRAINED, choose_model
    from auralflow.pretrained.folder import CARD
    from auralflow_core.audio.encode import STEM_FILE
    from auralflow_core.audio.stem_mp4 import STEMS

    models, inputs = arguments.model or [], arguments.inputs
    if len(models) < 2:
        targets = arguments.targets or (STEMS if arguments.format == STEM_FILE else ())
        model, inputs = choose_model(models[0] if models else None, inputs, targets)
        models = [model]
    new = new_models(models)
    chosen = {"model": models, "inputs": inputs, "weights": parse_weights(arguments.weights)}
    result = separate(**settings(arguments) | chosen)
    for note in result.notes:
        print(printable(note))
    for model in new:
        published = PRETRAINED[model]
        card = published.folder / CARD
        print(f"{model} is new here: licence {published.licence}; from {published.origin}; more in {card}.")
    print(
        f"Separated {result.audio:.1f} s of audio in {result.seconds:.1f} s ({result.audio / result.seconds:.1f} x "
        f"real time) with {printable(result.model)}, {result.device}."
    )
    show_files(result.files)
    if failures := result.failures:
        summary = f"auralflow: {len(failures)} of {len(failures) + result.separated} could not be separated:"
        print(summary, *map(printable, failures), sep="\n  ", file=sys.stderr)
    if damaged := result.damaged:
        print(f"auralflow: {len(damaged)} damaged:", *map(printable, damaged), sep="\n  ", file=sys.stderr)
    return 1 if failures or damaged else 0


def new_models(models: Sequence[str]) -> list[str]:
    """The pretrained models among these, or among the members of the ensembles among these, that are not yet here."""
    from auralflow.pretrained import PRETRAINED
    from auralflow.pretrained.ensembles import ensembles
    from auralflow.pretrained.install import is_installed
    from auralflow_core.ensembles.description import is_description, member_names

    descriptions = {name: Path(name) if Path(name).exists() else ensembles().get(name) for name in models}
    names = [
        part
        for name, path in descriptions.items()
        for part in ([name] if path is None or not is_description(path) else member_names(path))
    ]
    return [name for name in names if name in PRETRAINED and not Path(name).exists() and not is_installed(name)]


def parse_weights(texts: Sequence[str] | None) -> list[float] | dict[str, list[float]] | None:
    """The weights of an ensemble: of all targets, or by target.

    Raises:
        InputError: no numbers, or both kinds.
    """
    found: dict[str, list[float]] = {}
    for text in texts or ():
        target, _, row = text.rpartition("=")
        try:
            found[target.strip()] = [float(number) for number in row.split(",")]
        except ValueError:
            raise InputError(f"--weights {text}: expected numbers such as 1,2, or TARGET=1,2") from None
    if len(texts or ()) > len(found) or ("" in found and len(found) > 1):
        raise InputError(f"--weights {' --weights '.join(texts or ())}: expected one for all targets, or one for each")
    return found.get("", found) if found else None


def show_files(files: Sequence[Path]) -> None:
    """Prints where the stems are, and of few songs their names."""
    folders: dict[Path, list[str]] = {}
    for file in files:
        folders.setdefault(file.parent, []).append(file.name)
    whole = os.path.commonpath(list(folders))
    print(f"The stems are in {printable(whole)}:" if len(folders) <= FEW else f"The stems are in {printable(whole)}.")
    if len(folders) <= FEW:
        for folder, written in folders.items():
            place = "" if folder == Path(whole) else f"{os.path.relpath(folder, whole)}: "
            print(f"  {printable(place + ', '.join(written))}")


def names(text: str) -> list[str]:
    """Splits a list of names at its commas."""
    return [name.strip() for name in text.split(",")]


def add_file_arguments(parser: Parser) -> None:
    """Adds the arguments about the files that are written."""
    add = parser.add_argument_group("files").add_argument
    add("--save", metavar="DIR", default="separated", help="folder for the stems (default: %(default)s)")
    text = (
        "name of each stem's file in DIR; {folder}, {suffix} and {index} tell inputs of one name apart: the folder's "
    )
    text += "name, such as mp3, and the number among all inputs (default: %(default)s)"
    add("--filename", metavar="TEMPLATE", default=FILENAME, help=text)
    add("--overwrite", action="store_true", help="replace files that exist")
    text = "write only these targets of the model, or sums such as accompaniment; the residual then holds the others"
    add("--targets", type=names, metavar="A,B", default=(), help=text)
    add("--residual", action="store_true", help="also write the rest of the mixture, without the stems")
    text = "write it under this name (default: what the model's settings call it, mostly residual)"
    add("--residual_name", metavar="NAME", help=text)
    text = "leave out the song's tags and cover, which stems carry with their own name in the title"
    add("--no_tags", dest="tags", action="store_false", help=text)
    add("--start", type=float, default=0.0, metavar="S", help="second to begin at")
    add("--duration", type=float, metavar="S", help="seconds to separate (default: to the end)")
    text = "go on with what can be read of a damaged file; the exit status is then 1"
    add("--tolerate_damage", action="store_true", help=text)


def add_encoding_arguments(parser: Parser) -> None:
    """Adds the arguments about formats."""
    add = parser.add_argument_group("formats").add_argument
    text = "wav, flac, ogg, mp3, or stem.mp4: one file with the song and four stems, for DJ software (default: "
    add("--format", default="wav", help=f"{text}%(default)s)")
    text = "of a sample: 16, 24 or 32 (floating point) in wav, 16 or 24 in flac; default: the most. 16 or 24 make "
    text += "stem.mp4 lossless (ALAC); default: AAC"
    add("--bits", type=int, help=text)
    text = "of mp3 (default: the most that the sample rate allows), ogg (the average; default: 256) and each part of "
    text += "stem.mp4 (default: 256), in kbit/s"
    add("--bitrate", type=int, metavar="KBIT", help=text)
    add(
        "--clip",
        help="samples beyond full scale: none (they are kept), clamp (cut off), rescale (all files of a track become "
        "softer); default: none with 32 bits, otherwise clamp",
    )


def add_quality_arguments(parser: Parser) -> None:
    """Adds the arguments that trade time for quality."""
    add = parser.add_argument_group("quality").add_argument
    text = "share of a segment that the next one covers, too, 0 to 0.875 (default: 0.1)"
    add("--overlap", type=float, metavar="SHARE", help=text)
    text = "segments of one call; fewer need less memory (default: 1 on a CPU and for large networks, else 4)"
    add("--batch_size", type=int, metavar="N", help=text)
    text = "average N separations, shifted in time; takes N times as long (default: %(default)s)"
    add("--shifts", type=int, default=1, metavar="N", help=text)
    text = "refine all targets together by N iterations (1 without a number) of a Wiener filter"
    add("--wiener", type=int, nargs="?", const=1, default=0, metavar="N", help=text)
    text = "the targets make up the whole mixture: divide the rest of it among them"
    add("--consistency", action="store_true", help=text)
