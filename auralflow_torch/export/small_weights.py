"""Weights of ONNX files in fewer bits; what runs the file computes in float32 with them."""

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import helper, numpy_helper

SMALLEST = 1024  # numbers of a tensor that is made smaller; biases and norms stay as they are


def shrink(proto: onnx.ModelProto, parameters: Mapping[str, np.ndarray], weights: str) -> None:
    """Stores the large weights of a file as float16, or as int8 with a scale for each slice.

    Args:
        proto: of the file; it is changed.
        parameters: the model's, by their names in the file. Constants of other origin, as of Fourier transforms, stay
            as they are.
        weights: `float16` or `int8`.
    """
    known = {_key(array) for array in parameters.values() if array.size >= SMALLEST}
    graph = proto.graph
    nodes = []
    for tensor in list(graph.initializer):
        if tensor.data_type != onnx.TensorProto.FLOAT or np.prod(tensor.dims) < SMALLEST:
            continue
        array, name = numpy_helper.to_array(tensor), tensor.name
        if name not in parameters and _key(array) not in known:  # norms can have been multiplied in
            continue
        graph.initializer.remove(tensor)
        small = f"{name}.{weights}"
        if weights == "float16":
            arrays = {small: array.astype(np.float16)}
            nodes.append(helper.make_node("Cast", [small], [name], to=onnx.TensorProto.FLOAT))
        else:
            values, scale, axis = quantize(array)
            arrays = {small: values, f"{small}.scale": scale}
            nodes.append(helper.make_node("DequantizeLinear", [*arrays], [name], axis=axis))
        graph.initializer.extend(numpy_helper.from_array(value, key) for key, value in arrays.items())
    for place, node in enumerate(nodes):  # before all others, as they come first
        graph.node.insert(place, node)


def quantize(array: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """The nearest multiples of a scale for each slice along the axis that fits best.

    Args:
        array: float32, of any shape.

    Returns:
        int8 of the same shape; float32 scales; the axis, along which slice `i` has the scale `i`.
    """
    best: tuple[float, np.ndarray, np.ndarray, int] | None = None
    for axis in range(array.ndim):
        others = tuple(other for other in range(array.ndim) if other != axis)
        peak = np.abs(array).max(others, keepdims=True)
        scale = np.where(peak == 0, 1, peak / 127).astype(np.float32)
        values = np.rint(array / scale).clip(-127, 127)
        error = float(np.square(values * scale - array, dtype=np.float64).sum())
        if best is None or error < best[0]:
            best = error, values.astype(np.int8), scale.reshape(-1), axis
    assert best is not None
    return best[1:]


def _key(array: np.ndarray) -> tuple[int, bytes]:
    """Tells arrays apart by their numbers in any order, as the exporter transposes weights and renames them."""
    values = np.sort(array, axis=None)
    return values.size, values.tobytes()
