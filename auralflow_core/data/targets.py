"""Targets as sums of stems."""

from collections.abc import Collection, Iterable, Mapping

from auralflow_core.errors import InputError, closest, shown


def expand_targets(
    targets: Iterable[str], stems: Collection[str], sources: Mapping[str, Collection[str]]
) -> dict[str, tuple[str, ...]]:
    """Expands targets into the stems that they are sums of.

    Args:
        targets: names of stems or sums; a stem of a name comes before a source, and that before `accompaniment`.
        stems: of the dataset.
        sources: named sums of stems.

    Returns:
        For each target, in the order given, its stems.

    Raises:
        InputError: a target is unknown, or a sum has no stems or unknown ones.

    Example:
        >>> expand_targets(["accompaniment", "vocals"], ["bass", "drums", "vocals"], {})
        {'accompaniment': ('bass', 'drums'), 'vocals': ('vocals',)}
    """
    built_in = {"accompaniment": tuple(stem for stem in stems if stem != "vocals")} if "vocals" in stems else {}
    known = {**built_in, **sources, **{stem: (stem,) for stem in stems}}
    expanded = {}
    for target in targets:
        if target not in known:
            raise InputError(f"unknown target {shown(target)}; {closest(target, known)}")
        parts = tuple(dict.fromkeys(known[target]))
        if not parts:
            raise InputError(f"target {shown(target)} is a sum of no stems; known: {', '.join(stems)}")
        for part in parts:
            if part not in stems:
                raise InputError(
                    f"dataset.sources: {shown(target)} has unknown stem {shown(part)}; {closest(part, stems)}"
                )
        expanded[target] = parts
    return expanded
