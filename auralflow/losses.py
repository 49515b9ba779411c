"""The losses of `auralflow_torch.losses`, which need torch."""

from auralflow_core.optional import needs

with needs("torch"):
  # noqa: F403
    from auralflow_torch.losses import __all__  # noqa: F401
