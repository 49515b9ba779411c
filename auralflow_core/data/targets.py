"""The stems that each target is made of."""

from collections.abc import Collection, Iterable, Mapping

from auralflow_core.errors import InputError, closest


def expand_targets(
    targets: Iterable[str], stems: Collection[str], sources: Mapping[str, Collection[str]]
) -> dict[str, tuple[str, ...]]:
    """The stems that each target is the sum of.

    Args:
        targets: names; a stem of that name comes first, then a source, then `accompaniment`.
        stems: of the dataset.
        sources: named sums of stems.

    Returns:
        For each target, in the order given, its stems.

    Raises:
        InputError: a target that is none of these, or a sum without stems or of unknown ones.

    Example:
        >>> expand_targets(["accompaniment", "vocals"], ["bass", "drums", "vocals"], {})
        {'accompaniment': ('bass', 'drums'), 'vocals': ('vocals',)}
    """
    built_in = {"accompaniment": tuple(stem for stem in stems if stem != "vocals")} if "vocals" in stems else {}
    known = {**built_in, **sources, **{stem: (stem,) for stem in stems}}
    expanded = {}
    for target in targets:
        if target not in known:
            raise InputError(f"unknown target {target!r}; {closest(target, known)}")
        parts = tuple(dict.fromkeys(known[target]))
        if not parts:
            raise InputError(f"target {target!r} is a sum of no stems; known: {', '.join(stems)}")
        for part in parts:
            if part not in stems:
                raise InputError(f"dataset.sources: {target!r} has unknown stem {part!r}; {closest(part, stems)}")
        expanded[target] = parts
    return expanded
