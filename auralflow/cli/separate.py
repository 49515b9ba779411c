"""`auralflow separate`: separates audio files into stems."""

import argparse
import sys

from auralflow.cli.arguments import add_backend, settings
from auralflow.pretrained import DEFAULT, DEFAULTS, choose_model
from auralflow_core.console.exit_status import terminable
from auralflow_core.console.parser import Parser

TEXT = "Separate audio files into stems."


def add_arguments(parser: Parser) -> None:
    """Adds the sub-command's arguments."""
    parser.add_argument(
        "inputs",
        metavar="[MODEL] INPUT",
        nargs="+",
        help="audio files, folders of them, or tracks' folders with a mixture in them; before them, "
        f"if it is not to be {DEFAULT} (or, with other --targets, {DEFAULTS[1]}), a model: its "
        "folder, or a ready model's name",
    )
    parser.add_argument("--model", metavar="MODEL", help="the model; then all others are inputs")
    add_separation_arguments(parser)
    add_backend(parser)


@terminable()
def run(arguments: argparse.Namespace) -> int:
    """Separates files into stems; 1 if some of them could not be."""
    from auralflow.api.separation import separate

    model, inputs = choose_model(arguments.model, arguments.inputs, arguments.targets)
    report = separate(**settings(arguments) | {"model": model, "inputs": inputs})
    print(*report.notes, sep="\n", end="\n" if report.notes else "")
    print(
        f"Separated {report.audio:.1f} s of audio in {report.seconds:.1f} s "
        f"({report.audio / report.seconds:.1f} x real time); the stems are in {arguments.save}."
    )
    if failures := report.failures:
        print(
            f"auralflow: {len(failures)} of {len(failures) + report.separated} could not be separated:",
            *failures,
            sep="\n  ",
            file=sys.stderr,
        )
    return 1 if failures else 0


def add_separation_arguments(parser: Parser) -> None:
    """Adds the arguments about files and about quality."""
    files = parser.add_argument_group("files")
    files.add_argument("--save", metavar="DIR", default="separated", help="where to (default: %(default)s)")
    files.add_argument(
        "--filename",
        metavar="TEMPLATE",
        default="{track}/{stem}.{ext}",
        help="of each stem, in DIR; {folder} is the one of the input (default: %(default)s)",
    )
    files.add_argument("--overwrite", action="store_true", help="replace files that are there already")
    files.add_argument(
        "--targets",
        type=names,
        metavar="A,B",
        default=(),
        help="write only these of the model's targets, or sums of them, such as accompaniment; the "
        "residual then holds the others",
    )
    files.add_argument("--residual", action="store_true", help="also write what the stems leave of the mixture")
    files.add_argument("--format", default="wav", help="wav, flac, ogg or mp3 (default: %(default)s)")
    files.add_argument(
        "--bits",
        type=int,
        help="of a sample: 16, 24 or 32 (floating point) in wav, 16 or 24 in flac; default: the most",
    )
    files.add_argument(
        "--bitrate",
        type=int,
        metavar="KBIT",
        help="of mp3 (default: the most that the sample rate allows) and ogg (the average; default: 256), in kbit/s",
    )
    files.add_argument(
        "--clip",
        help="beyond full scale: none (samples are kept), clamp (cut off), rescale (all files "
        "of a song become softer); default: none with 32 bits, otherwise clamp",
    )
    files.add_argument("--start", type=float, default=0.0, metavar="S", help="second to begin at")
    files.add_argument("--duration", type=float, metavar="S", help="seconds to separate (default: to the end)")
    quality = parser.add_argument_group("quality")
    quality.add_argument(
        "--overlap", type=float, metavar="SHARE", help="share of a segment that is cross-faded into the next, 0 to 0.5"
    )
    quality.add_argument(
        "--shifts",
        type=int,
        default=1,
        metavar="N",
        help="average N separations, shifted in time; takes N times as long (default: %(default)s)",
    )
    quality.add_argument(
        "--wiener",
        type=int,
        nargs="?",
        const=1,
        default=0,
        metavar="N",
        help="refine all targets together by N iterations (1 without a number) of a Wiener filter",
    )
    quality.add_argument(
        "--consistency",
        action="store_true",
        help="the targets make up the mixture: divide what they leave of it among them",
    )


def names(text: str) -> list[str]:
    """Splits a list of names at its commas."""
    return [name.strip() for name in text.split(",")]
