"""The settings that the members of an ensemble have together."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import numpy as np

from auralflow_core.config import Config, DatasetConfig
from auralflow_core.config.ensemble import Ensemble
from auralflow_core.ensembles.description import Description
from auralflow_core.errors import InputError, closest, shown


def ensemble_settings(description: Description, members: Sequence[Config]) -> Config:
    """The settings of an ensemble: the members' targets, their highest rate and most channels.

    Args:
        description: of the ensemble.
        members: the settings of its members.

    Raises:
        InputError: a member lacks a target, or a target is no member's.
    """
    _check_named(description, members)
    parts = [_targets(description, index, members) for index in range(len(members))]
    known = sorted({*chain(*parts)})
    for target in description.targets:
        if target not in known:
            raise InputError(
                f"{description.origin}: no member has the target {shown(target)}; {closest(target, known)}"
            )
    targets = tuple(sorted(description.targets or known))
    shares = np.array(
        [
            [member.weight(target) if target in part else 0.0 for target in targets]
            for member, part in zip(description.members, parts, strict=True)
        ]
    )
    _check_shares(description, targets, shares)
    needed = [config for config, row in zip(members, shares, strict=True) if row.any()]
    return Config(
        model=Ensemble(
            model_name=description.name,
            targets=targets,
            num_channels=max(config.model.num_channels for config in needed),
            sample_rate=max(config.model.sample_rate for config in needed),
            normalize_song=any(config.model.normalize_song for config in needed),
            combine=description.combine,
            members=len(members),
            member_shares=tuple(shares.ravel().tolist()),
        ),
        dataset=DatasetConfig(sources=_sources(description, targets, members)),
    )


def _check_named(description: Description, members: Sequence[Config]) -> None:
    """Refuses members' targets, and weights of targets, that they do not have."""
    everybody = {*chain(*(config.model.targets for config in members))}
    for member, config in zip(description.members, members, strict=True):
        known = config.model.targets
        weighted = member.weights if isinstance(member.weights, Mapping) else {}
        for target in (*member.targets, *weighted):
            # A weight of 0 may stand for a model that lacks a target of others.
            lacks_part = target not in everybody or target in member.targets or member.weight(target) > 0
            if target not in known and lacks_part:
                name = shown(member.name)
                raise InputError(
                    f"{description.origin}: member {name} has no target {shown(target)}; {closest(target, known)}"
                )


def _targets(description: Description, index: int, members: Sequence[Config]) -> tuple[str, ...]:
    """The targets that a member has a part in; the last of a chain has those that are left."""
    part, known = description.members[index].targets, members[index].model.targets
    if part or description.combine != "chain":
        return part or known
    taken = {*chain(*(member.targets for member in description.members))}
    return tuple(target for target in known if target not in taken)


def _check_shares(description: Description, targets: Sequence[str], shares: np.ndarray) -> None:
    """Refuses weights (members, targets) that make no sense together."""
    origin, names = description.origin, [shown(member.name) for member in description.members]
    for target, column in zip(targets, shares.T, strict=True):
        if not column.any():
            raise InputError(f"{origin}: target {shown(target)} has no weight in any member")
        if description.combine == "chain" and np.count_nonzero(column) > 1:
            raise InputError(f"{origin}: two members of the chain separate {shown(target)}, expected one")
        if not description.combine.startswith("mean") and np.ptp(column[column > 0]):
            raise InputError(
                f"{origin}: {description.combine} uses no weights, expected 0 or the same number for all members of "
                f"{shown(target)}, got {', '.join(f'{weight:g}' for weight in column)}"
            )
    for name, row in zip(names, shares, strict=True):
        if not row.any():
            raise InputError(f"{origin}: member {name} has no part in any target")


def _sources(description: Description, targets: Iterable[str], members: Sequence[Config]) -> dict[str, tuple[str, ...]]:
    """The named sums of stems that the members' targets stand for."""
    sums: dict[str, tuple[str, ...]] = {}
    for config in members:
        for name, stems in config.dataset.sources.items():
            if name in targets and {*sums.setdefault(name, stems)} != {*stems}:
                raise InputError(
                    f"{description.origin}: {shown(name)} is {' + '.join(sums[name])} in one member and "
                    f"{' + '.join(stems)} in another, expected the same stems"
                )
    return sums
