"""`auralflow separate`: separates audio files into stems."""

import argparse
import os
import sys

from auralflow.cli.arguments import add_backend, settings
from auralflow.pretrained import DEFAULT, DEFAULTS, choose_model
from auralflow_core.console.parser import Parser
from auralflow_core.console.text import printable

FILENAME = "{model}/{track}/{stem}.{ext}"
TEXT = "Separate audio files into stems."


def add_arguments(parser: Parser) -> None:
    """Adds the sub-command's arguments."""
    parser.add_argument(
        "inputs",
        metavar="[MODEL] INPUT",
        nargs="+",
        help="audio files, folders of them, or tracks' folders that hold a mixture; before them a model: its folder, "
        f"or a pretrained model's name (default: {DEFAULT} or, for --targets that it lacks, {DEFAULTS[1]})",
    )
    parser.add_argument("--model", metavar="MODEL", help="the model; all other arguments are then inputs")
    add_file_arguments(parser)
    add_encoding_arguments(parser)
    add_quality_arguments(parser)
    add_backend(parser)


def run(arguments: argparse.Namespace) -> int:
    """Separates files into stems; returns 1 if some of them could not be separated, or were damaged."""
    from auralflow.api.separation import separate

    model, inputs = choose_model(arguments.model, arguments.inputs, arguments.targets)
    result = separate(**settings(arguments) | {"model": model, "inputs": inputs})
    for note in result.notes:
        print(printable(note))
    print(
        f"Separated {result.audio:.1f} s of audio in {result.seconds:.1f} s ({result.audio / result.seconds:.1f} x "
        f"real time); the stems are in {printable(os.path.commonpath([file.parent for file in result.files]))}."
    )
    if failures := result.failures:
        summary = f"auralflow: {len(failures)} of {len(failures) + result.separated} could not be separated:"
        print(summary, *map(printable, failures), sep="\n  ", file=sys.stderr)
    if damaged := result.damaged:
        print(f"auralflow: {len(damaged)} damaged:", *map(printable, damaged), sep="\n  ", file=sys.stderr)
    return 1 if failures or damaged else 0


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
    add("--start", type=float, default=0.0, metavar="S", help="second to begin at")
    add("--duration", type=float, metavar="S", help="seconds to separate (default: to the end)")
    text = "go on with what can be read of a damaged file; the exit status is then 1"
    add("--tolerate_damage", action="store_true", help=text)


def add_encoding_arguments(parser: Parser) -> None:
    """Adds the arguments about formats."""
    add = parser.add_argument_group("formats").add_argument
    add("--format", default="wav", help="wav, flac, ogg or mp3 (default: %(default)s)")
    text = "of a sample: 16, 24 or 32 (floating point) in wav, 16 or 24 in flac; default: the most"
    add("--bits", type=int, help=text)
    text = "of mp3 (default: the most that the sample rate allows) and ogg (the average; default: 256), in kbit/s"
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
    text = "segments of one call; fewer need less memory (default: 1 for RoFormers, 4 for other networks)"
    add("--batch_size", type=int, metavar="N", help=text)
    text = "average N separations, shifted in time; takes N times as long (default: %(default)s)"
    add("--shifts", type=int, default=1, metavar="N", help=text)
    text = "refine all targets together by N iterations (1 without a number) of a Wiener filter"
    add("--wiener", type=int, nargs="?", const=1, default=0, metavar="N", help=text)
    text = "the targets make up the whole mixture: divide the rest of it among them"
    add("--consistency", action="store_true", help=text)
