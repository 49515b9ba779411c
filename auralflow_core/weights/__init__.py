"""Files of weights and of training states, and the names of tensors in flax and in torch."""

from auralflow_core.weights.file import FLAX, TORCH, TRAINING, TensorFile, read_tensors, write_tensors
from auralflow_core.weights.names import to_flax, to_torch
from auralflow_core.weights.training_state import TrainingTensors, read_training, write_training

__all__ = [
    "FLAX",
    "TORCH",
    "TRAINING",
    "TensorFile",
    "TrainingTensors",
    "read_tensors",
    "read_training",
    "to_flax",
    "to_torch",
    "write_tensors",
    "write_training",
]
