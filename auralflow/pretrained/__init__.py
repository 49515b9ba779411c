"""Published models as ordinary model folders: a registry, and the folder of each, made on first use.

Our own models are files in weights/, which `packing` writes and `bundled` finds. A network of another project takes:

1. the network on both sides, see docs/add-a-network.md;
2. an importer in bridge/importers: a function from the published files to the state dict of the torch network, mostly
   a map of module names (`rename`);
3. a `PretrainedModel` in a module here, as in `spleeter` and `open_unmix`: where the files are, whose, how good;
4. its entry in `registry.PRETRAINED`.

Checkpoints that anybody trained with Music-Source-Separation-Training need none of this: see `community`.

The names below are imported when they are first used.
"""

from typing import TYPE_CHECKING

from auralflow_core.lazy import lazy_names

if TYPE_CHECKING:  # the same names for type checkers and editors
    from auralflow.pretrained.community import import_model as import_model
    from auralflow.pretrained.defaults import DEFAULT as DEFAULT
    from auralflow.pretrained.defaults import DEFAULTS as DEFAULTS
    from auralflow.pretrained.defaults import ENSEMBLE as ENSEMBLE
    from auralflow.pretrained.install import choose_model as choose_model
    from auralflow.pretrained.install import get_model as get_model
    from auralflow.pretrained.install import names as names
    from auralflow.pretrained.install import repair as repair
    from auralflow.pretrained.install import resolve as resolve
    from auralflow.pretrained.model import PretrainedModel as PretrainedModel
    from auralflow.pretrained.registry import PRETRAINED as PRETRAINED

_HOME = {
    "DEFAULT": "auralflow.pretrained.defaults",
    "DEFAULTS": "auralflow.pretrained.defaults",
    "ENSEMBLE": "auralflow.pretrained.defaults",
    "PRETRAINED": "auralflow.pretrained.registry",
    "PretrainedModel": "auralflow.pretrained.model",
    "choose_model": "auralflow.pretrained.install",
    "get_model": "auralflow.pretrained.install",
    "import_model": "auralflow.pretrained.community",
    "names": "auralflow.pretrained.install",
    "repair": "auralflow.pretrained.install",
    "resolve": "auralflow.pretrained.install",
}

__all__ = [*_HOME]  # noqa: PLE0604
__getattr__, __dir__ = lazy_names(__name__, _HOME)
