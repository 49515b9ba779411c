"""The trainer of `auralflow_torch.trainer`, under its documented name."""

from auralflow.extras import needs

with needs("torch"):
    from auralflow_torch.trainer import Callback, ModelTrainer, Norms, Scalars, Snippets

__all__ = ["Callback", "ModelTrainer", "Norms", "Scalars", "Snippets"]
