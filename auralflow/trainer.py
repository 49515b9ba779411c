"""The trainer of `auralflow_torch.train.trainer`, under its documented name."""

from auralflow_core.optional import needs

with needs("torch"):
    from auralflow_torch.train.trainer import Callback, ModelTrainer, Norms, Scalars, Snippets

__all__ = ["Callback", "ModelTrainer", "Norms", "Scalars", "Snippets"]
