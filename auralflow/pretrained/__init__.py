"""Ready models: trained networks, as ordinary model folders.

Our own are files in weights/, which `packing` makes and `shipped` finds. A foreign network takes three things, for
which `spleeter` and `openunmix` are the examples:

1. a module pair, `auralflow_jax/networks/NAME.py` and `auralflow_torch/networks/NAME.py`, in the registries of both
   packages, and a struct with its settings in `auralflow/config/foreign.py`, in `auralflow_core.config.schema.Model`;
   tests/parity then compares the two;
2. an importer here: a function from the published files to the torch module's state dict, mostly a map of names
   (`naming.rename`), and a `ReadyModel` that says where the files are, whose they are and how good;
3. a line in `READY`.
"""

from auralflow.pretrained.install import choose_model, find_model, get_model
from auralflow.pretrained.registry import DEFAULT, DEFAULTS, READY, ReadyModel

__all__ = ["DEFAULT", "DEFAULTS", "READY", "ReadyModel", "choose_model", "find_model", "get_model"]
