"""Arguments of demucs' HTDemucs and HDemucs, as a configuration of ours and back.

Each argument is mapped, known to have no effect on what the network computes, accepted with one value only, or refused
by its name.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from auralflow_core.config import Config, HDemucs, HTDemucs
from auralflow_core.errors import InputError, closest, shown
from bridge.importers.demucs_arguments import HT, MODES, SIGNATURES, Signature
from bridge.importers.msst_groups import LARGEST, LARGEST_OF, configuration_of

LONGEST_SEGMENT = 24 * 60 * 60  # seconds
ORDER = ("drums", "bass", "other", "vocals", "guitar", "piano")  # of the published models


class Settings(NamedTuple):
    """A configuration, and the order of a network's sources.

    Attributes:
        config: with sorted targets.
        sources: the same names in the order of the network.
    """

    config: Config
    sources: tuple[str, ...]


def to_config(
    arguments: Mapping[str, Any], name: str, origin: str, signature: Signature = HT, key_of: Callable[[str], str] = str
) -> Settings:
    """The configuration that a network's arguments describe.

    Args:
        arguments: by name.
        name: the model's.
        origin: the file, for messages.
        signature: of the network.
        key_of: argument -> the file's key for it, for messages.

    Raises:
        InputError: an argument is unknown or has a value for which nothing is computed here.
    """
    _check(arguments, signature, origin, key_of)
    sources = arguments.get("sources")
    if not isinstance(sources, list | tuple) or not all(isinstance(source, str) for source in sources):
        raise InputError(f"{origin}: {key_of('sources')} is {shown(sources)}, expected a list of names")
    model: dict[str, Any] = {"model_type": signature.name, "model_name": name, "targets": list(sources)}
    for key, (ours, default) in signature.renamed.items():
        where = f"{origin}: {key_of(key)}"
        model[ours] = _number(arguments.get(key, default), key, where, whole=isinstance(default, int))
    given = {**signature.others, **arguments}
    mode = given["dconv_mode"]
    if mode not in tuple(MODES):  # which a list can be asked, too
        raise InputError(f"{origin}: {key_of('dconv_mode')} is {shown(mode)}, expected 1 or 3")
    model["residuals"] = MODES[mode]
    segment = seconds_of(given["segment"], f"{origin}: {key_of('segment')}")
    # Rounded down as there; but a float that stands for a whole number of samples may lie just below it.
    samples = int(segment * model["sample_rate"] + 1e-6)
    seconds = samples / model["sample_rate"] if model["sample_rate"] else 0.0
    keys = {ours: key_of(key) for key, (ours, _) in signature.renamed.items()} | {"sample_length": key_of("segment")}
    config = configuration_of(model, seconds, keys, origin)
    if isinstance(config.model, HTDemucs):
        _check_counterpart(config.model, origin, given["norm_starts"], key_of)
    return Settings(config, tuple(sources))


def seconds_of(value: Any, where: str) -> int | float | Fraction:
    """The length of a segment.

    Args:
        value: as a file has it.
        where: the file and its key, for messages.

    Raises:
        InputError: it is no number of seconds above 0.
    """
    # NaN is in no range.
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction) or not 0 < value <= LONGEST_SEGMENT:
        raise InputError(f"{where} is {shown(value)}, expected a number of seconds above 0, at most {LONGEST_SEGMENT}")
    return value


def to_arguments(config: Config, origin: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The inverse of `to_config`: the arguments, `segment` as a fraction, and the sources in their order.

    Args:
        config: of an HTDemucs or HDemucs.
        origin: the model, for messages.

    Raises:
        InputError: the network is another one, or has no counterpart.
    """
    model = config.model
    if not isinstance(model, HDemucs | HTDemucs):
        known = " and ".join(signature.name for signature in SIGNATURES.values())
        raise InputError(f"{origin}: is of type {type(model).__name__}, which has no counterpart there; {known} have")
    signature = SIGNATURES[type(model)]
    further: dict[str, Any] = {}
    if isinstance(model, HTDemucs):
        if model.members > 1:
            raise InputError(f"{origin}: has {model.members} members, and one network is written into a file")
        _check_counterpart(model, origin, model.depth)
        further["norm_starts"] = model.depth
    known = sorted(model.targets, key=lambda target: ORDER.index(target) if target in ORDER else len(ORDER))
    arguments = {key: getattr(model, ours) for key, (ours, _) in signature.renamed.items()}
    arguments |= {
        "sources": known,
        "segment": Fraction(config.crop_samples, model.sample_rate),
        "dconv_mode": next(mode for mode, residuals in MODES.items() if residuals == model.residuals),
    }
    return arguments | further, tuple(known)


def _check(arguments: Mapping[str, Any], signature: Signature, origin: str, key_of: Callable[[str], str]) -> None:
    """Refuses unknown arguments, and values for which nothing is computed here."""
    only = signature.only
    known = {*signature.renamed, *signature.others, *only, *signature.without_effect, "sources"}
    for key, value in arguments.items():
        if key not in known:
            raise InputError(
                f"{origin}: unknown argument {shown(key_of(key))} of an {signature.name}; {closest(str(key), known)}"
            )
        if key in only and value != only[key] and (only[key] is not None or value):
            expected = "none" if only[key] is None else repr(only[key])
            raise InputError(
                f"{origin}: {key_of(key)} is {shown(value)}, expected {expected}: no other is computed here"
            )


def _check_counterpart(model: Any, origin: str, norm_starts: Any, key_of: Callable[[str], str] = str) -> None:
    """Refuses sizes with which a network there has norms or merged branches, which none here has."""
    if not isinstance(norm_starts, int) or norm_starts < model.depth:
        expected = f"at least {key_of('depth')}, {model.depth}"
        raise InputError(f"{origin}: {key_of('norm_starts')} is {shown(norm_starts)}, expected {expected}")
    deepest = model.num_fft // 2 // 4 ** (model.depth - 1)
    if deepest <= 8:
        raise InputError(
            f"{origin}: {deepest} bins enter the deepest level, where the branches of the network there would merge; "
            "more than 8 are expected"
        )


def _number(value: Any, key: str, where: str, whole: bool) -> int | float:
    """A number, of which whole ones may be written as floats."""
    kind, largest = "whole number" if whole else "number", LARGEST_OF.get(key, LARGEST)
    if isinstance(value, bool) or not isinstance(value, int | float) or (whole and value % 1):  # NaN % 1 is NaN
        raise InputError(f"{where} is {shown(value)}, expected a {kind}")
    if not 0 <= value <= largest:
        raise InputError(f"{where} is {shown(value)}, expected a {kind} from 0 to {largest}")
    return int(value) if whole else float(value)
