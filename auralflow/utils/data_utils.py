"""The audio transforms of `auralflow_torch.transforms`, which need torch."""

from auralflow_core.optional import needs

with needs("torch"):
    from auralflow_torch.transforms import AudioTransform

__all__ = ["AudioTransform"]
