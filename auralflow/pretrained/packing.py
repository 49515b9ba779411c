"""Packs a trained model into a small file for the package: `python -m auralflow.pretrained.packing MODEL NAME`.

Kernels are stored as float16, in half the space. Vectors stay float32: they are few, and float16 may not hold the range
of the statistics among them.
"""

import sys
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from auralflow.pretrained.bundled import WEIGHTS
from auralflow_core.console.exit_status import exit_status
from auralflow_core.console.parser import Parser
from auralflow_core.errors import InputError
from auralflow_core.model_folder import ModelFolder
from auralflow_core.weights.file import FLAX, TORCH, TensorFile, nested, read_tensors, write_tensors
from auralflow_core.weights.names import to_torch


def pack(model: str | Path, file: str | Path) -> float:
    """Writes the best weights of a model into a small file.

    Args:
        model: a trained model's folder.
        file: `<name>.safetensors`; gives the packed model its name.

    Returns:
        The largest rounding of a weight, as a share of the largest weight in its tensor.

    Raises:
        InputError: the folder holds no trained model, or a weight is beyond what float16 holds.
    """
    file, weights = Path(file), ModelFolder(model).find_weights()
    best = read_tensors(weights, [FLAX, TORCH])
    state = to_torch(nested(best, weights)) if best.format == FLAX else best.tensors
    packed = {name: halved(array, f"{weights}: {name}") for name, array in state.items()}
    config = replace(best.config, model=replace(best.config.model, model_name=file.stem))
    write_tensors(file, TensorFile(TORCH, packed, config, best.provenance))
    return max(
        float(np.abs(packed[name].astype(array.dtype) - array).max() / np.abs(array).max())
        for name, array in state.items()
        if packed[name].dtype != array.dtype
    )


def halved(array: np.ndarray, name: str) -> np.ndarray:
    """The array as float16; vectors and scalars unchanged.

    Raises:
        InputError: a number is beyond what float16 holds.
    """
    if array.ndim < 2:
        return array
    if (largest := np.abs(array).max()) > np.finfo(np.float16).max:
        raise InputError(f"{name} holds {largest}, more than the {np.finfo(np.float16).max} of float16")
    return array.astype(np.float16)


def main(argv: list[str] | None = None) -> int:
    parser = Parser(prog="python -m auralflow.pretrained.packing", description=__doc__)
    parser.add_argument("model", metavar="MODEL", help="a trained model's folder")
    parser.add_argument("name", metavar="NAME", help="the packed model's name; weights/NAME.md describes it")

    def run() -> None:
        arguments = parser.parse(sys.argv[1:] if argv is None else argv)
        text, file = (WEIGHTS / f"{arguments.name}.{suffix}" for suffix in ("md", "safetensors"))
        if not text.exists():
            raise InputError(f"{text}: no such file; a text about the model is expected in this place first")
        change = pack(arguments.model, file)
        print(
            f"Wrote {file}, {file.stat().st_size / 1e6:.1f} MB; weights rounded by at most {change:.1e} of the "
            "largest in their tensor."
        )

    return exit_status("packing", run)


if __name__ == "__main__":
    sys.exit(main())
