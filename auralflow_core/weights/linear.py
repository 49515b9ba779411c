"""The weights of linear layers among a network's parameters: those that Muon changes and that adapters are made for."""

from collections.abc import Sequence


def is_linear(path: Sequence[str], num_axes: int) -> bool:
    """Whether a parameter is the matrix of a linear layer, or a stack of such matrices.

    Kernels of two axes (inputs, outputs) are, and weights of three (bands, outputs, inputs). Not counted are
    convolutions, LSTMs, and the layers that lead to and from bands of different widths, whose weights are many matrices
    in one array.

    Args:
        path: the parameter's names in flax.
        num_axes: number of its axes.

    Example:
        >>> is_linear(["attention", "qkv", "kernel"], 2), is_linear(["down_0", "conv_0", "kernel"], 4)
        (True, False)
    """
    return (path[-1], num_axes) in {("kernel", 2), ("weight", 3)}
