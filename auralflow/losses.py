"""The losses of `auralflow_torch.losses`, which need torch."""

from auralflow_core.optional import needs

with needs("torch"):
    from auralflow_torch.losses import *  # noqa: F403
    from auralflow_torch.losses import __all__  # noqa: F401
