"""The ready models there are."""

from collections.abc import Iterable

from auralflow.pretrained.model import ReadyModel
from auralflow.pretrained.open_unmix import UMX, UMXHQ, UMXL
from auralflow.pretrained.shipped import shipped
from auralflow.pretrained.spleeter import SPLEETER_2STEMS
from auralflow_core.errors import InputError

READY: dict[str, ReadyModel] = {model.name: model for model in (*shipped(), SPLEETER_2STEMS, UMX, UMXHQ, UMXL)}
DEFAULT = SPLEETER_2STEMS.name  # what separates where neither a model nor targets are named
DEFAULTS = (DEFAULT, "auralflow-4stems")  # of these the first that has what is wanted


def default_model(targets: Iterable[str] = ()) -> str:
    """The ready model that separates where none is named.

    Args:
        targets: what is wanted of it.

    Returns:
        The first of `DEFAULTS` with these targets.

    Raises:
        InputError: there is none.
    """
    for name in DEFAULTS:
        if {*targets} <= {*READY[name].targets, "accompaniment"}:
            return name
    known = "; or of ".join(f"{', '.join(READY[name].targets)} ({name})" for name in DEFAULTS)
    raise InputError(
        f"no model is named, and none that is taken then has the targets {', '.join(targets)}: expected "
        f"some of {known}; `auralflow pretrained list` shows other models, which --model takes"
    )
