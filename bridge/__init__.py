"""Weights and training states between flax and torch, strict and bit for bit."""

from auralflow_core.weights.names import to_torch
from bridge.conversion import to_flax

__all__ = ["to_flax", "to_torch"]
