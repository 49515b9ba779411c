"""Layers that the networks share, with initial weights drawn as in auralflow_jax."""

from collections.abc import Callable
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auralflow_core.errors import InputError, closest

Layer = TypeVar("Layer", bound=nn.Linear | nn.Conv1d | nn.Conv2d | nn.ConvTranspose1d | nn.ConvTranspose2d)

MASK_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "softmax": lambda x: torch.softmax(x, dim=1),
    "hardtanh": lambda x: x.clamp(0, 1),
    "relu": F.relu,
    "softplus": F.softplus,
    "identity": lambda x: x,
}


def mask_activation(name: str, num_targets: int) -> Callable[[Tensor], Tensor]:
    """The function that makes masks (batch, targets, channels, bins, frames) of a network's last layer.

    Raises:
        InputError: an unknown name, or softmax, which runs over the targets, for a single one.
    """
    if name not in MASK_ACTIVATIONS:
        raise InputError(f"unknown mask_act_fn {name!r}; {closest(str(name), MASK_ACTIVATIONS)}")
    if name == "softmax" and num_targets == 1:
        raise InputError("mask_act_fn 'softmax' runs over the targets and needs num_targets of at least 2, got 1")
    return MASK_ACTIVATIONS[name]


def initialize(layer: Layer, fan_in: int, gain: float = 1.0) -> Layer:
    """Draws weights of variance gain / fan_in and sets the bias to zero; returns the layer.

    A gain of 2 makes up for a rectifier (He et al. 2015, "Delving deep into rectifiers").
    """
    nn.init.normal_(layer.weight, std=(gain / fan_in) ** 0.5)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def conv(inputs: int, outputs: int, size: int, bias: bool, device) -> nn.Conv2d:
    """2-D convolution that keeps the size of (batch, inputs, bins, frames)."""
    layer = nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=bias, device=device)
    return initialize(layer, inputs * size**2, gain=2.0)


def upsample(inputs: int, outputs: int, device) -> nn.ConvTranspose2d:
    """2x2 transposed convolution, stride 2, in which each output pixel has one input pixel."""
    return initialize(nn.ConvTranspose2d(inputs, outputs, 2, stride=2, device=device), inputs)


def linear(inputs: int, outputs: int, device) -> nn.Linear:
    """Linear layer over the last axis."""
    return initialize(nn.Linear(inputs, outputs, device=device), inputs)


class DoubleConv(nn.Module):
    """Twice: convolution, batch normalisation, rectifier.

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        leak_factor: slope of the rectifiers below zero.
    """

    def __init__(self, inputs: int, outputs: int, leak_factor: float = 0.0, device=None) -> None:
        super().__init__()
        self.leak_factor = leak_factor
        self.conv = nn.ModuleList(
            [conv(channels, outputs, 3, bias=False, device=device) for channels in (inputs, outputs)]
        )
        self.norm = nn.ModuleList([nn.BatchNorm2d(outputs, device=device) for _ in range(2)])

    def forward(self, x: Tensor) -> Tensor:
        """Maps (batch, inputs, bins, frames) to (batch, outputs, bins, frames)."""
        for layer, norm in zip(self.conv, self.norm, strict=True):
            x = norm(layer(x))
            x = F.leaky_relu(x, self.leak_factor) if self.leak_factor else F.relu(x)
        return x
