"""The separation models as torch modules, with the weights that auralflow_jax trains."""

from auralflow_torch.weights import load

__all__ = ["load"]
