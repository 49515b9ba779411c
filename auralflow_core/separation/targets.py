"""The targets that are asked for, as sums of those that a model has."""

from collections.abc import Sequence

from auralflow_core.data.targets import expand_targets
from auralflow_core.errors import InputError
from auralflow_core.separation.separator import Separator


def choose_targets(separator: Separator, wanted: Sequence[str]) -> dict[str, list[int]]:
    """Expands names of targets into sums of a model's targets.

    Args:
        separator: the model.
        wanted: targets of the model, or sums of them: names in its `dataset.sources`, or `accompaniment` if the model
            has a target `other` and so leaves nothing out; empty: all targets of the model.

    Returns:
        The names, and the indices of the targets that each is the sum of.

    Raises:
        InputError: a name is none of these, or occurs twice.
    """
    targets = separator.targets
    if (name := next((name for name in wanted if wanted.count(name) > 1), None)) is not None:
        raise InputError(f"targets: {name!r} is named twice")
    if "accompaniment" in wanted and not {"accompaniment", "other"} & {*targets, *separator.config.dataset.sources}:
        raise InputError(
            f"targets: 'accompaniment' is more than this model separates, which is {', '.join(targets)}; "
            "the residual is the rest of the mixture"
        )
    sums = expand_targets(wanted or targets, targets, separator.config.dataset.sources)
    return {name: [targets.index(part) for part in parts] for name, parts in sums.items()}
