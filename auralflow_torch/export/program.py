"""A model as a recorded program of real operations."""

import torch
from torch import Tensor, nn

from auralflow_torch.export.pairs import real_numbers
from auralflow_torch.models.base import SeparationModel


class Stems(nn.Module):
    """The audio of a model's estimates, in evaluation mode, without complex numbers.

    Args:
        model: is put into evaluation mode.
    """

    def __init__(self, model: SeparationModel) -> None:
        super().__init__()
        self.model = model.eval()

    def forward(self, audio: Tensor) -> Tensor:
        """Maps mixtures (batch, channels, samples) to (batch, targets, channels, samples)."""
        with real_numbers():
            return self.model.estimate(audio).audio


def record(model: SeparationModel) -> torch.export.ExportedProgram:
    """Records a model on one segment: `audio` (1, channels, samples) to (1, targets, channels, samples).

    Args:
        model: on the CPU.

    Raises:
        InputError: its network does with complex numbers what is not known here; see `pairs`.
    """
    with torch.no_grad():
        return torch.export.export(Stems(model), (example_of(model),), strict=False)


def example_of(model: SeparationModel) -> Tensor:
    """A silent segment, (1, channels, samples)."""
    return torch.zeros(1, model.settings.model.num_channels, model.settings.crop_samples)
