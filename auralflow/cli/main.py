"""The command `auralflow`: its arguments, and how it ends."""

import argparse
import difflib
import sys
from collections.abc import Sequence

from auralflow import __version__
from auralflow.cli import train as commands
from auralflow.backends import BACKENDS
from auralflow_core.config import MODELS
from auralflow.cli.config import leaves
from auralflow_core.errors import InputError, closest
from auralflow_core.console.exit_status import exit_status
from auralflow.measures import METRICS
from auralflow.pretrained import DEFAULT, DEFAULTS, READY


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a sub-command.

    Args:
        argv: the command's arguments; default: those of the process.

    Returns:
        The exit status: 0; 1 where `convert verify` finds a difference, or `separate` could not do all files; 2
        where the input is at fault, after one sentence on standard error; 130 after an interruption.
    """
    def run() -> int | None:
        arguments = parse(sys.argv[1:] if argv is None else argv)
        return arguments.run(arguments)

    return exit_status("auralflow", run)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments of a sub-command, with `run`, the function that takes them.

    Raises:
        InputError: an unknown command or flag, or a value that cannot be.
    """
    parser, known = _parsers()
    if not argv or argv[0].startswith("-"):
        return parser.parse_args([parser.known_flag(flag) for flag in argv[:1]] or ["--help"])
    if argv[0] not in known:
        raise InputError(f"unknown command {argv[0]!r}; {closest(argv[0], known)}")
    if argv[0] == "convert":  # the bridge has a command line of its own
        return argparse.Namespace(run=commands.convert, rest=argv[1:])
    return known[argv[0]].parse(argv[1:])


class Parser(argparse.ArgumentParser):
    """Takes underscores and dashes in flags for the same, flags and positionals in any order, no abbreviations."""

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str):
        raise InputError(message)

    def parse(self, argv: Sequence[str]) -> argparse.Namespace:
        tokens = list(argv)
        for index, token in enumerate(tokens):
            if token == "--":
                break
            if token.startswith("--"):
                name, equals, value = token.partition("=")
                tokens[index] = self.known_flag("--" + name[2:].replace("-", "_")) + equals + value
        return self.parse_intermixed_args(tokens)

    def known_flag(self, flag: str) -> str:
        """The flag itself, if there is such a one."""
        if flag in self._option_string_actions:
            return flag
        near = difflib.get_close_matches(flag, self._option_string_actions, n=1)
        raise InputError(f"unknown flag {flag} of {self.prog}; "
                         + (f"did you mean {near[0]}?" if near else f"see {self.prog} --help"))


def _parsers() -> tuple[Parser, dict[str, Parser]]:
    parser = Parser(prog="auralflow", description="Train music source separation models, and use them.")
    parser.add_argument("--version", action="version", version=f"auralflow {__version__}")
    children = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, run, text: str) -> Parser:
        command = children.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    config = add("config", commands.config, "Make a model folder from a template, or edit one in place.")
    songs = add("songs", commands.songs, "Generate songs and their stems, to try things out.")
    train = add("train", commands.train, "Train a model, going on where an earlier run stopped.")
    separate = add("separate", commands.separate, "Separate audio files into stems.")
    pretrained = add("pretrained", commands.pretrained, "List ready models, trained by others, or get one.")
    evaluate = add("evaluate", commands.evaluate, "Measure how good a model is on songs whose stems are known.")
    add("convert", commands.convert, "Move weights, or a run, between JAX and torch; see `auralflow convert --help`.")
    recipe = add("recipe", commands.recipe, "Make songs and train a model on them, as a recipe says; or list recipes.")
    demo = add("demo", commands.demo, "Make songs, train a small model on them, separate, evaluate, and write a page.")

    _add_config_arguments(config)

    songs.add_argument("directory", metavar="DIR", help="a new or empty folder")
    songs.add_argument("--tracks", type=int, default=7, help="how many songs, at least 3 (default: %(default)s)")
    songs.add_argument("--seconds", type=float, default=20.0, help="length of each (default: %(default)s)")
    songs.add_argument("--seed", type=int, default=0, help="another seed, other songs (default: %(default)s)")
    songs.add_argument("--sound", default="synthesized", help="synthesized; or sampled: played on the instruments of "
                       "a soundfont and sung on spoken words, by fluidsynth and flite (default: %(default)s)")
    songs.add_argument("--soundfont", metavar="PATH", help="of sampled songs (default: one of the system's)")

    _add_model(train)
    train.add_argument("datasets", metavar="DATASET", nargs="+",
                       help="folder with train/<track>/<stem>.wav, and valid/; of several, dataset.shares says how "
                            "often each is drawn from")
    train.add_argument("--restart", action="store_true", help="move the earlier run aside and start over")
    train.add_argument("--from", dest="start_from", metavar="OTHER", action="append", default=[],
                       help="start from another model's weights: its folder, or a ready model's name; a new MODEL gets "
                            "its settings; twice for a HybridNet: one model for each of its branches")

    separate.add_argument("inputs", metavar="[MODEL] INPUT", nargs="+",
                          help="audio files, folders of them, or tracks' folders with a mixture in them; before them, "
                               f"if it is not to be {DEFAULT} (or, with other --targets, {DEFAULTS[1]}), a model: its "
                               "folder, or a ready model's name")
    separate.add_argument("--model", metavar="MODEL", help="the model; then all others are inputs")
    _add_separation_arguments(separate)
    _add_backend(separate)

    pretrained.add_argument("action", choices=("list", "get"), help="show the ready models, or get one")
    pretrained.add_argument("name", metavar="NAME", nargs="?", help=f"one of {', '.join(READY)}")
    pretrained.add_argument("--save", metavar="DIR", help="a new folder for a copy; without it the model is kept in "
                            "the user's cache, where its name finds it")
    pretrained.add_argument("--file", metavar="PATH", help="a local copy of what would be fetched, or a folder with it")
    pretrained.add_argument("--offline", action="store_true", help="fetch nothing")
    pretrained.add_argument("--high_bins", metavar="VALUE", help="of the copy: the mask above the highest bin that the "
                            "network sees: zeros, last, mean (default: zeros)")

    evaluate.add_argument("model", metavar="MODEL", help="a model folder, or a ready model's name")
    evaluate.add_argument("dataset", metavar="DATASET", help="folder with <split>/<track>/<stem>.wav")
    evaluate.add_argument("--split", default="test", help="which tracks (default: %(default)s)")
    evaluate.add_argument("--metrics", choices=METRICS, default="bss_eval",
                          help="; ".join(f"{name}: {text}" for name, text in METRICS.items())
                          + " (default: %(default)s)")
    evaluate.add_argument("--compare", metavar="OTHER", nargs="+", default=(),
                          help="models to evaluate on the same tracks, and to show beside MODEL")
    evaluate.add_argument("--no_report", dest="report", action="store_false",
                          help="write no report.html, the page with excerpts to listen to")
    _add_backend(evaluate)

    recipe.add_argument("name", metavar="NAME", nargs="?", help="a recipe, or a file like one; without it: which there "
                        "are")
    recipe.add_argument("directory", metavar="FOLDER", nargs="?",
                        help="gets songs/ and model/; that of an earlier call goes on where it stopped")
    recipe.add_argument("--real", metavar="DATASET", nargs="+", default=(),
                        help="real music, <split>/<track>/<stem>.wav, to train on beside the songs")
    recipe.add_argument("--restart", action="store_true", help="train anew")

    demo.add_argument("directory", metavar="DIR", nargs="?", default="auralflow-demo", help="default: %(default)s")
    demo.add_argument("--restart", action="store_true", help="train anew")
    return parser, children.choices


def _add_separation_arguments(parser: Parser) -> None:
    files = parser.add_argument_group("files")
    files.add_argument("--save", metavar="DIR", default="separated", help="where to (default: %(default)s)")
    files.add_argument("--filename", metavar="TEMPLATE", default="{track}/{stem}.{ext}",
                       help="of each stem, in DIR; {folder} is the one of the input (default: %(default)s)")
    files.add_argument("--overwrite", action="store_true", help="replace files that are there already")
    files.add_argument("--targets", type=_names, metavar="A,B", default=(),
                       help="write only these of the model's targets, or sums of them, such as accompaniment; the "
                            "residual then holds the others")
    files.add_argument("--residual", action="store_true", help="also write what the stems leave of the mixture")
    files.add_argument("--format", default="wav", help="wav, flac, ogg or mp3 (default: %(default)s)")
    files.add_argument("--bits", type=int, help="of a sample: 16, 24 or 32 (floating point) in wav, 16 or 24 in flac; "
                       "default: the most")
    files.add_argument("--bitrate", type=int, metavar="KBIT", help="of mp3 (default: the most that the sample rate "
                       "allows) and ogg (the average; default: 256), in kbit/s")
    files.add_argument("--clip", help="beyond full scale: none (samples are kept), clamp (cut off), rescale (all files "
                       "of a song become softer); default: none with 32 bits, otherwise clamp")
    files.add_argument("--start", type=float, default=0.0, metavar="S", help="second to begin at")
    files.add_argument("--duration", type=float, metavar="S", help="seconds to separate (default: to the end)")
    quality = parser.add_argument_group("quality")
    quality.add_argument("--overlap", type=float, metavar="SHARE",
                         help="share of a segment that is cross-faded into the next, 0 to 0.5")
    quality.add_argument("--shifts", type=int, default=1, metavar="N",
                         help="average N separations, shifted in time; takes N times as long (default: %(default)s)")
    quality.add_argument("--wiener", type=int, nargs="?", const=1, default=0, metavar="N",
                         help="refine all targets together by N iterations (1 without a number) of a Wiener filter")
    quality.add_argument("--consistency", action="store_true",
                         help="the targets make up the mixture: divide what they leave of it among them")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _add_model(parser: Parser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a model folder, made by `auralflow config`")


def _add_backend(parser: Parser) -> None:
    parser.add_argument("--backend", choices=BACKENDS, default="jax",
                        help="framework that runs the model (default: %(default)s)")


def _add_config_arguments(parser: Parser) -> None:
    _add_model(parser)
    parser.add_argument("model_type", metavar="TEMPLATE", nargs="?",
                        help=f"needed for a new folder: {', '.join(MODELS)}")
    parser.add_argument("--preset", help="of a new folder; tiny: a small network, a short run, for trying things out")
    parser.add_argument("--save", metavar="PARENT", default="", help="folder in which MODEL lies")
    parser.add_argument("--name", help="of a new folder and its model; of an existing one, the model's alone")
    parser.add_argument("--display", action="store_true", help="print all settings")
    groups: dict[str, argparse._ArgumentGroup] = {}
    for leaf in leaves():
        if leaf.group not in groups:
            groups[leaf.group] = parser.add_argument_group(f"settings: {leaf.group}")
        groups[leaf.group].add_argument(
            f"--{leaf.name}", nargs="+" if leaf.is_list else None, metavar="VALUE", default=argparse.SUPPRESS,
            help=leaf.meaning.replace("%", "%%"))
