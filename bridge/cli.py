"""The command `python -m bridge`: weights from one framework to the other."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from auralflow_core.console.exit_status import exit_status
from auralflow_core.console.interrupts import check
from auralflow_core.console.parser import Parser
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder, display_name
from auralflow_core.storage.atomic import require_new
from auralflow_core.weights.file import TORCH, TRAINING, TensorFile, write_tensors
from auralflow_core.weights.names import to_torch
from auralflow_core.weights.training_state import unpack, write_training
from bridge.files import read_flax, read_torch

if TYPE_CHECKING:
    from bridge.parity.outputs import Difference

TEXT = "Convert weights and training states between JAX and torch, strictly and bit for bit."


def main(argv: Sequence[str] | None = None, prog: str = "python -m bridge") -> int:
    """Runs a sub-command and returns its exit status.

    Args:
        argv: the command's arguments; default: those of the process.
        prog: the name of the command in messages.

    Returns:
        0 for success; 1 if `verify` finds a difference; 2 if the input is at fault, after one sentence on standard
        error; 130 after an interruption.
    """

    def run() -> int | None:
        parser = Parser(prog=prog, description=TEXT)
        add_commands(parser)
        arguments = parser.parse(sys.argv[1:] if argv is None else argv)
        return arguments.run(arguments)

    return exit_status(prog, run, is_process=argv is None)


def add_commands(parser: Parser) -> None:
    """Adds the sub-commands."""
    _add_conversions(parser)
    text = "Run both frameworks on the same audio and print how far they are apart."
    command = parser.add_command("verify", text, verify)
    _add_model(command)
    command.add_argument(
        "--torch", metavar="FILE", type=Path, help="compare with these torch weights, not with freshly converted ones"
    )
    command = parser.add_command("info", "Print what a file of weights or a model folder holds.", info)
    command.add_argument("path", metavar="FILE_OR_FOLDER", type=Path)


def _add_model(command: Parser, text: str = "a trained model, or a file like its best.safetensors") -> None:
    command.add_argument("model", metavar="MODEL_FOLDER", help=text)


def _add_conversions(parser: Parser) -> None:
    command = parser.add_command(
        "to-torch", "Write a model's weights, or its training state, under torch's names.", convert_to_torch
    )
    _add_model(command)
    command.add_argument(
        "-o",
        dest="output",
        metavar="FILE.safetensors",
        type=Path,
        help="default: NAME.safetensors, or NAME-training.safetensors, in the current folder",
    )
    command.add_argument(
        "--training",
        action="store_true",
        help="the latest training state: raw and averaged weights, AdamW's moments, step, history",
    )

    command = parser.add_command(
        "to-jax",
        "Make a model folder, from which training continues, from torch weights or a training state.",
        convert_to_jax,
    )
    command.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        help="a safetensors file with a configuration, a state dict (.pth, .pt), or a model folder",
    )
    command.add_argument(
        "folder", metavar="MODEL_FOLDER", help="a new folder; for a .pth file, a folder with a config.json"
    )

    _add_merge(parser)
    _add_foreign(parser)


def _add_merge(parser: Parser) -> None:
    command = parser.add_command(
        "merge", "Make a model folder of a model and low-rank adapters that were trained for it.", merge
    )
    _add_model(command, "the model that the adapters were trained for")
    text = "the adapters: their file, or the folder of their run"
    command.add_argument("--adapter", metavar="FILE", type=Path, required=True, help=text)
    command.add_argument("-o", dest="output", metavar="FOLDER", required=True, help="a new folder")


def _add_foreign(parser: Parser) -> None:
    command = parser.add_command(
        "to-msst",
        "Write a band-split RoFormer, SCNet, TFC-TDF, HTDemucs or HDemucs as a checkpoint and its settings, for "
        "Music-Source-Separation-Training, UVR and audio-separator.",
        convert_to_msst,
    )
    _add_model(command)
    command.add_argument(
        "-o",
        dest="output",
        metavar="FILE.ckpt",
        type=Path,
        help="the settings go into a .yaml next to it; default: NAME.ckpt in the current folder",
    )

    command = parser.add_command(
        "to-demucs",
        "Write an HTDemucs or HDemucs as demucs reads it, from a Hugging Face repository.",
        convert_to_demucs,
    )
    _add_model(command)
    command.add_argument(
        "-o",
        dest="output",
        metavar="FILE.safetensors",
        type=Path,
        help="default: NAME-demucs.safetensors in the current folder",
    )


def convert_to_torch(arguments: argparse.Namespace) -> int:
    """`to-torch`."""
    source = Path(arguments.model)
    name = ModelFolder(source).name if source.is_dir() else source.stem
    output = arguments.output or Path(f"{name}{'-training' if arguments.training else ''}.safetensors")
    if output.suffix != ".safetensors":
        raise InputError(f"{output}: a file of weights must end in .safetensors")
    require_new(output)
    if arguments.training:
        from bridge.training_state import read_run

        read = read_run(source)
        check()
        write_training(output, *read)
    else:
        variables, config, provenance = read_flax(source)
        check()
        write_tensors(output, TensorFile(TORCH, to_torch(variables), config, provenance))
    print(output)
    return 0


def convert_to_jax(arguments: argparse.Namespace) -> int:
    """`to-jax`."""
    from auralflow_core.training.schedule import best_epoch
    from bridge.conversion import to_flax
    from bridge.folders import config_for, write_folder
    from bridge.training_state import fresh_state, training_to_flax

    file, folder = arguments.file, arguments.folder
    stored = read_torch(file)
    config = config_for(folder, stored.config, file)
    if isinstance(stored, TensorFile) and stored.format == TRAINING:
        run = stored.provenance
        state, best = training_to_flax(unpack(stored, file), config, str(file))
        provenance = best_epoch(run["history"]) if run["history"] else {}
    else:
        run, provenance = {"history": [], "losses": [], "base": display_name(file)}, stored.provenance
        best = to_flax(stored.tensors, config, str(file))
        state = fresh_state(best, config)
    check()
    write_folder(folder, config, state, run, best, provenance)
    print(folder)
    return 0


def merge(arguments: argparse.Namespace) -> int:
    """`merge`."""
    from bridge.merge import merge_adapter

    print(merge_adapter(arguments.model, arguments.adapter, arguments.output).path)
    return 0


def convert_to_msst(arguments: argparse.Namespace) -> int:
    """`to-msst`."""
    from bridge.importers.msst import write_pair

    source = Path(arguments.model)
    output = arguments.output or Path(f"{ModelFolder(source).name if source.is_dir() else source.stem}.ckpt")
    variables, config, _ = read_flax(source)
    check()
    state = to_torch(variables)
    del variables  # as large as the state
    settings = write_pair(output, state, config, str(source))
    print(output, settings, sep="\n")
    return 0


def convert_to_demucs(arguments: argparse.Namespace) -> int:
    """`to-demucs`."""
    from bridge.importers.demucs_package import write_package

    source = Path(arguments.model)
    name = ModelFolder(source).name if source.is_dir() else source.stem
    output = arguments.output or Path(f"{name}-demucs.safetensors")
    variables, config, _ = read_flax(source)
    check()
    write_package(output, to_torch(variables), config, str(source))
    print(output)
    return 0


def verify(arguments: argparse.Namespace) -> int:
    """`verify`."""
    from bridge.parity.outputs import EXACT, TOLERANCE
    from bridge.verification import verify

    verification = verify(arguments.model, arguments.torch)
    _show(verification.rows, TOLERANCE)
    if verification.exact is not None:
        print("Again in float64, to tell a difference from rounding:")
        _show(verification.exact, EXACT)
    print("The networks are the same." if verification.same else "The networks differ.")
    return 0 if verification.same else 1


def _show(rows: "list[Difference]", tolerance: float) -> None:
    """Prints a table of differences."""
    from rich.console import Console
    from rich.table import Table

    table = Table("output of", "largest value", "largest difference", "relative")
    for row in rows:
        mark = "" if row.relative <= tolerance else " !"
        table.add_row(row.name, f"{row.largest:.3g}", f"{row.absolute:.1e}", f"{row.relative:.1e}{mark}")
    Console(width=None if sys.stdout.isatty() else 100).print(table)
    worst = max(rows, key=lambda row: row.relative)
    print(
        f"At most {worst.relative:.1e} of the largest value (or of 1 where that is less), in {worst.name}; "
        f"{tolerance:.0e} is tolerated."
    )


def info(arguments: argparse.Namespace) -> int:
    """`info`."""
    from bridge.description import describe

    for key, value in list(describe(arguments.path)):  # a wrong file raises before anything is printed
        print(f"{key:<34} {value}")
    return 0
