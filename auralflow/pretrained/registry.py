"""The list of pretrained models, and which of them separates by default."""

from collections.abc import Iterable

from auralflow.pretrained.bundled import bundled
from auralflow.pretrained.defaults import DEFAULT, DEFAULTS, ENSEMBLE
from auralflow.pretrained.demucs import DEMUCSES
from auralflow.pretrained.model import PretrainedModel
from auralflow.pretrained.open_unmix import UMX, UMXHQ, UMXL
from auralflow.pretrained.roformers import ROFORMERS
from auralflow.pretrained.scnet import SCNET_XL_IHF
from auralflow.pretrained.spleeter import SPLEETER_2STEMS
from auralflow_core.errors import InputError

PRETRAINED: dict[str, PretrainedModel] = {
    model.name: model for model in (*bundled(), SPLEETER_2STEMS, UMX, UMXHQ, UMXL, *ROFORMERS, *DEMUCSES, SCNET_XL_IHF)
}


def default_model(targets: Iterable[str] = ()) -> str:
    """The pretrained model that separates where none is named.

    Args:
        targets: names of the targets that are asked for.

    Returns:
        The name of the first of `DEFAULTS` that has these targets; `ENSEMBLE` in place of the second where
        vocals are asked for, which are better from both together.

    Raises:
        InputError: none of them has.
    """
    for name in DEFAULTS:
        if {*targets} <= {*PRETRAINED[name].targets, "accompaniment"}:
            return ENSEMBLE if name != DEFAULT and {"vocals", "accompaniment"} & {*targets} else name
    known = "; or of ".join(f"{', '.join(PRETRAINED[name].targets)} ({name})" for name in DEFAULTS)
    raise InputError(
        f"no model is named, and no default model has the targets {', '.join(targets)}: expected some of {known}; "
        "`auralflow pretrained list` shows other models, which --model takes"
    )
