"""The separation models and networks of `auralflow_torch.models`, which need torch."""

from auralflow_core.optional import needs

with needs("torch"):
    from auralflow_torch.models import *  # noqa: F403
    from auralflow_torch.models import __all__  # noqa: F401
