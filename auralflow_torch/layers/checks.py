"""Checks of the sizes that networks are made with, and of the tensors that they take."""

import numbers

import torch
from torch import Tensor, fx

from auralflow_core.audio.check import check_dense
from auralflow_core.console.text import with_article
from auralflow_core.errors import InputError

SPECTRUM = ("batch", "channels", "bins", "frames")
COMPLEX_SPECTRUM = ("batch", "channels", "2", "bins", "frames")
AUDIO = ("batch", "channels", "samples")


def is_tracing() -> bool:
    """Whether torch.jit records a graph, in which sizes are values that cannot be compared."""
    return torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]


def check_counts(**counts: int) -> None:
    """Raises an InputError unless all are whole numbers of at least 1."""
    for name, value in counts.items():
        if not isinstance(value, numbers.Integral) or value < 1:
            raise InputError(f"{name} is {value!r}, expected a whole number of at least 1")


def check_tensor(value: Tensor, name: str) -> None:
    """Raises an InputError unless it is a tensor, whose numbers lie in memory one by one."""
    if not isinstance(value, Tensor | fx.Proxy):
        kind = with_article(f"{type(value).__module__}.{type(value).__name__}")
        raise InputError(f"{name} is {kind}, expected a torch.Tensor")
    if isinstance(value, Tensor):  # a proxy stands for any tensor
        check_dense(value, name)


def check_input(x: Tensor, name: str, axes: tuple[str, ...], channels: int) -> None:
    """Raises an InputError unless a tensor is real and floating point, and has these axes and this number of channels.

    Args:
        x: the tensor.
        name: of the argument.
        axes: `SPECTRUM`, `COMPLEX_SPECTRUM` or `AUDIO`.
        channels: length of the second axis.
    """
    check_tensor(x, name)
    if isinstance(x, fx.Proxy):
        return  # stands for any tensor
    # Of a graph that is being traced sizes are values, and cannot be asked.
    if not x.is_floating_point() or x.ndim != len(axes) or (not is_tracing() and x.shape[1] != channels):
        hint = "the magnitudes of a complex spectrum are its abs()"
        if axes == COMPLEX_SPECTRUM:
            hint = "torch.stack([x.real, x.imag], dim=2) makes such a tensor of a complex one"
        hint = f"; {hint}" if x.is_complex() else ""
        raise InputError(
            f"{name} must be real and floating point, of shape ({', '.join(axes)}) with {channels} "
            f"channel{'s' * (channels > 1)}, got {x.dtype} of shape {tuple(x.shape)}{hint}"
        )
