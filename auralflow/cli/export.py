"""`auralflow export`: writes a model as a file for another runtime."""

import argparse
from pathlib import Path

from auralflow.cli.arguments import settings
from auralflow_core.console.parser import Parser
from auralflow_core.console.text import printable
from auralflow_core.exported.description import Check, Description


def add_arguments(parser: Parser) -> None:
    """Adds the sub-command's arguments."""
    from auralflow.backends import EXPORTERS

    text = "a model folder, a file of weights, or a pretrained model's name"
    parser.add_argument("model", metavar="MODEL", help=text)
    text = "kind of file: onnx (for onnxruntime), stablehlo (jax.export.deserialize), pt2 (torch.export.load), tflite "
    text += "(LiteRT, TensorFlow Lite) or executorch"
    parser.add_argument("--to", choices=[*EXPORTERS], required=True, help=text)
    text = "the file (default: the model's name with the suffix of its kind, in the current folder)"
    parser.add_argument("-o", "--output", dest="save", metavar="FILE", type=Path, help=text)
    text = "type in which a file of onnx or tflite stores weights: float32, float16 (half the size) or int8 (a "
    text += "quarter); it computes in float32 all the same (default: %(default)s)"
    parser.add_argument("--weights", default="float32", metavar="TYPE", help=text)
    text = "a song with whose loudest segment the file is compared with the model (default: a generated song)"
    parser.add_argument("--audio", metavar="FILE", help=text)
    text = "largest difference of a sample; beyond it no file is left (default: 1e-4 with float32, else none)"
    parser.add_argument("--tolerance", type=float, metavar="X", help=text)


def run(arguments: argparse.Namespace) -> None:
    """Writes the file, and says how near it is to the model."""
    from auralflow.api.export import export

    path, description = export(**settings(arguments))
    for line in lines(path, description):
        print(printable(line))


def lines(path: Path, description: Description) -> list[str]:
    """Lines about a file: its sizes, and its differences from the model."""
    check, size = description.check, path.stat().st_size / 1e6
    channels = "mono" if description.channels == 1 else "stereo"
    segment = f"{description.samples} samples ({check.seconds:.2f} s) at {description.sample_rate} Hz, {channels}"
    difference = f"{check.largest_difference:.1e}"
    accepted = f" ({check.tolerance:.0e} is accepted)" if check.tolerance else ""
    written = f"Wrote {path} ({size:.1f} MB, weights in {description.weights})"
    return [
        f"{written}: {', '.join(description.targets)} of {segment}.",
        f"Opened again, it differs from the model by at most {difference} on {check.audio}{accepted}.",
        *([] if description.weights == "float32" else quality(check)),
    ]


def quality(check: Check) -> list[str]:
    """Lines about what smaller weights cost."""
    found = [f"{target} {'exact' if value is None else f'{value:.1f} dB'}" for target, value in check.si_sdr.items()]
    result = [f"SI-SDR of its stems against the model's: {', '.join(found)}."]
    if check.cost:
        cost = [f"{target} {value:+.3f} dB" for target, value in check.cost.items()]
        result.append(f"SI-SDR that the smaller weights cost, against the true stems: {', '.join(cost)}.")
    return result
