"""ONNX files, which onnxruntime and many others run without torch."""

from pathlib import Path

import onnx
import onnxscript  # noqa: F401  # torch needs it to write ONNX files; missing, it is named before any work is done
import torch

from auralflow_core.exported.description import Description, to_text
from auralflow_core.exported.onnx_file import describe as describe_session
from auralflow_core.exported.onnx_file import open_program as open_program
from auralflow_core.exported.onnx_file import open_session
from auralflow_core.exported.paths import KEY
from auralflow_torch.export.converter import quiet
from auralflow_torch.export.program import record
from auralflow_torch.export.small_weights import shrink
from auralflow_torch.models.base import SeparationModel


def write(model: SeparationModel, path: Path, weights: str = "float32") -> None:
    """Writes the program of a model on the CPU.

    Args:
        model: the model.
        path: the file.
        weights: the type in which weights are stored: float32, float16 or int8; computed is in float32.
    """
    program = record(model)
    with quiet():
        exported = torch.onnx.export(program, dynamo=True, verbose=False, input_names=["audio"], output_names=["stems"])
    assert exported is not None
    proto = exported.model_proto
    for node in proto.graph.node:
        del node.metadata_props[:]  # which lines of which files made it
    if weights != "float32":
        shrink(proto, {f"model.{name}": array.detach().numpy() for name, array in model.named_parameters()}, weights)
    onnx.save(proto, path)


def describe(path: Path, description: Description) -> None:
    """Adds the description to a file's metadata, under the key `auralflow`."""
    proto = onnx.load(path)
    onnx.helper.set_model_props(proto, {KEY: to_text(description)})
    onnx.save(proto, path)


def read_description(path: Path) -> Description:
    """The description in a file; see `auralflow_core.exported.description.from_text`."""
    return describe_session(open_session(path), str(path))
