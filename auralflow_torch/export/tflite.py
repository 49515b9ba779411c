"""Files of TensorFlow Lite, which LiteRT runs on phones, in browsers and on computers."""

# Few installations have these packages.
# pyright: reportMissingImports=false

from pathlib import Path

import torch
from torch import Tensor, nn

from auralflow_core.exported.archive import append as describe
from auralflow_core.exported.archive import read as read_description
from auralflow_core.exported.tflite_file import open_program
from auralflow_torch.export.converter import converting, default_jax
from auralflow_torch.export.program import Stems, example_of
from auralflow_torch.models.base import SeparationModel

__all__ = ["describe", "open_program", "read_description", "write"]

BITS = {"float16": 16, "int8": 8}
WEIGHTED = ("CONV_2D", "CONV_2D_TRANSPOSE", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
# Operations are named after the modules that they come from; those of Fourier transforms come from none of these.
OF_NETWORKS = r".*(torch\.nn\.modules|auralflow_torch\.(layers|networks))\."


class Named(nn.Module):
    """A program whose result has a name in the file."""

    def __init__(self, model: SeparationModel) -> None:
        super().__init__()
        self.stems = Stems(model)

    def forward(self, audio: Tensor) -> dict[str, Tensor]:
        return {"stems": self.stems(audio)}


def write(model: SeparationModel, path: Path, weights: str = "float32") -> None:
    """Writes the program of a model on the CPU.

    Args:
        model: the model.
        path: the file.
        weights: the type in which weights are stored: float32, float16 or int8; computed is in float32.

    Raises:
        InputError: the converter does not take the network.
    """
    with converting("LiteRT's converter"), default_jax(), torch.no_grad():
        import litert_torch

        converted = litert_torch.convert(Named(model).eval(), sample_kwargs={"audio": example_of(model)})
        converted.export(str(path))
        if weights != "float32":
            shrink(path, weights)


def shrink(path: Path, weights: str) -> None:
    """Stores the weights of a file as float16, or as int8 with a scale for each channel.

    Args:
        path: the file; it is changed.
        weights: `float16` or `int8`.
    """
    from ai_edge_quantizer.algorithm_manager import AlgorithmName
    from ai_edge_quantizer.qtyping import TFLOperationName
    from ai_edge_quantizer.quantizer import Quantizer
    from ai_edge_quantizer.recipe_manager import RecipeManager

    recipe = RecipeManager()
    how = AlgorithmName.FLOAT_CASTING if weights == "float16" else AlgorithmName.MIN_MAX_UNIFORM_QUANT
    for operation in WEIGHTED:
        recipe.add_weight_only_config(OF_NETWORKS, TFLOperationName[operation], BITS[weights], algorithm_key=how)
    smaller = Quantizer(str(path), recipe.get_quantization_recipe()).quantize().quantized_model
    assert smaller is not None
    path.write_bytes(smaller)
