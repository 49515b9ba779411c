"""Published models as ordinary model folders: a registry, and the folder of each, made on first use.

Our own models are files in weights/, which `packing` writes and `bundled` finds. A network of another project takes:

1. the network on both sides, see docs/add-a-network.md;
2. an importer in bridge/importers: a function from the published files to the state dict of the torch network, mostly
   a map of module names (`rename`);
3. a `PretrainedModel` in a module here, as in `spleeter` and `open_unmix`: where the files are, whose, how good;
4. its entry in `registry.PRETRAINED`.

Checkpoints that anybody trained with Music-Source-Separation-Training need none of this: see `community`.
"""

from auralflow.pretrained.community import import_model
from auralflow.pretrained.install import choose_model, get_model, names, repair, resolve
from auralflow.pretrained.model import PretrainedModel
from auralflow.pretrained.registry import DEFAULT, DEFAULTS, PRETRAINED

__all__ = [
    "DEFAULT",
    "DEFAULTS",
    "PRETRAINED",
    "PretrainedModel",
    "choose_model",
    "get_model",
    "import_model",
    "names",
    "repair",
    "resolve",
]
