"""The groups of settings that all networks of Music-Source-Separation-Training have: instruments, signal, segments."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from auralflow_core.config import Config, ModelConfig
from auralflow_core.console.text import with_article
from auralflow_core.errors import InputError, closest

REST = "accompaniment"

# Whole numbers above these would fill the memory before anyone sees that the checkpoint is another one.
LARGEST = 1_000_000
LARGEST_OF = {"chunk_size": 100_000_000, "num_bands": 500, "num_stems": 500}
LARGEST_OF |= dict.fromkeys(("stft_n_fft", "nfft", "n_fft"), 1 << 16)
LARGEST_OF |= dict.fromkeys(("depth", "time_transformer_depth", "freq_transformer_depth", "mask_estimator_depth"), 200)
LARGEST_OF |= dict.fromkeys(("conv_depths", "num_dplayer", "num_scales", "num_blocks_per_scale"), 200)

# A checkpoint that is trained further takes smaller steps than a network with fresh weights.
FURTHER = {"lr": 5e-5, "batch_size": 1}


class Settings(NamedTuple):
    """A configuration, and the order of a checkpoint's targets.

    Attributes:
        config: with sorted targets.
        instruments: the same names in the order of the checkpoint.
    """

    config: Config
    instruments: tuple[str, ...]


def targets_of(training: Mapping[str, Any], origin: str) -> tuple[str, ...]:
    """The targets of a checkpoint in its order, from `instruments` and `target_instrument`.

    One of vocals and what else there is (`other`, `instrumental`) is our vocals and accompaniment.

    Raises:
        InputError: there are none, or they are no names.
    """
    names = training.get("instruments")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        raise InputError(f"{origin}: training.instruments is {names!r}, expected a list of names")
    only = training.get("target_instrument")
    if only is not None and only not in names:
        raise InputError(f"{origin}: training.target_instrument is {only!r}, expected one of {', '.join(names)}")
    two = {name.lower() for name in names} == {"vocals", "other"}
    targets = [target_of(name, two) for name in (names if only is None else [only])]
    if len(set(targets)) < len(targets):
        raise InputError(f"{origin}: training.instruments are {', '.join(names)}, two of which are one target")
    return tuple(targets)


def residual_of(training: Mapping[str, Any], targets: tuple[str, ...]) -> dict[str, str]:
    """The name of what a single target leaves: the other one of two instruments; nothing where it has none."""
    names = training["instruments"]
    two = {name.lower() for name in names} == {"vocals", "other"}
    others = [ours for name in names if (ours := target_of(name, two)) not in targets]
    if len(others) == 1:
        return {"residual_name": others[0]}
    return {"residual_name": REST} if targets == ("vocals",) else {}


def target_of(name: str, beside_vocals: bool) -> str:
    """Our name of an instrument; names of several words stay as they are."""
    if name.lower() == "instrumental" or (beside_vocals and name.lower() == "other"):
        return REST
    return name if " " in name else name.lower()


def group_of(settings: Mapping[str, Any], name: str, origin: str, kind: str = "a RoFormer") -> dict[str, Any]:
    """One of the groups; empty where it is missing."""
    group = settings.get(name, {})
    if not isinstance(group, dict):
        what = f"is {group!r}" if isinstance(group, str) else f"is {with_article(type(group).__name__)}"
        raise InputError(f"{origin}: {name} {what}, expected a group of settings of {kind}")
    return group


def chunk_of(audio: Mapping[str, Any], inference: Mapping[str, Any], hop: int, origin: str) -> int:
    """The samples of a segment; other programs count frames, `dim_t`."""
    for group, name in ((inference, "inference"), (audio, "audio")):
        if "chunk_size" in group:
            return value_of(group, "chunk_size", int, None, f"{origin}: {name}")
    if "dim_t" in inference:
        return hop * (value_of(inference, "dim_t", int, None, f"{origin}: inference") - 1)
    raise InputError(f"{origin}: audio.chunk_size is missing, the samples of a segment")


def value_of(group: Mapping[str, Any], key: str, kind: type, default: Any, where: str) -> Any:
    """A value of a group, of the right type."""
    value = group.get(key, default)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        names = {int: "a whole number", float: "a number", bool: "true or false"}
        found = "missing" if key not in group else repr(value)
        raise InputError(f"{where}.{key} is {found}, expected {names[kind]}")
    if kind is int and value > (largest := LARGEST_OF.get(key, LARGEST)):
        raise InputError(f"{where}.{key} is {value}, expected at most {largest}")
    return value


def values_of(group: Mapping[str, Any], key: str, kind: type, default: list, where: str) -> list:
    """A list of numbers of a group, of the right type."""
    values = group.get(key, default)
    if not isinstance(values, list):
        raise InputError(f"{where}.{key} is {values!r}, expected a list of numbers")
    return [value_of({key: value}, key, kind, None, where) for value in values]


def check_arguments(model: Mapping[str, Any], known: Iterable[str], only: Mapping[str, Any], where: str) -> None:
    """Refuses arguments of a network that are unknown, or have a value for which nothing is computed here.

    Args:
        model: the arguments.
        known: their names.
        only: those that are accepted with one value.
        where: the file and the network, for messages.

    Raises:
        InputError: there are such arguments, or none at all.
    """
    if not model:
        raise InputError(f"{where}: has no group `model` with the network's arguments")
    known = [*known, *only]
    for key, value in model.items():
        if key not in known:
            raise InputError(f"{where}: unknown argument model.{key}; {closest(str(key), known)}")
        if key in only and value != only[key]:
            raise InputError(f"{where}: model.{key} is {value!r}, expected {only[key]!r}: no other is computed here")


def check_counterpart(model: ModelConfig, expected: Mapping[str, Any], origin: str) -> None:
    """Refuses settings that the networks there do not have.

    Raises:
        InputError: a setting has another value than the expected one.
    """
    for key, value in expected.items():
        if (found := getattr(model, key)) != value:
            raise InputError(f"{origin}: model.{key} is {found!r}, expected {value!r}, which its counterpart there has")


def instruments_of(model: ModelConfig) -> dict[str, Any]:
    """`instruments` and `target_instrument` for a model; a single target is followed by the rest of the mixture."""
    targets, rest = model.targets, model.residual_name
    names = ["other" if target == REST and {*targets} <= {REST, "vocals"} else target for target in targets]
    if len(names) > 1:
        return {"instruments": names, "target_instrument": None}
    if rest == "residual":
        rest = {"other": "vocals" if targets == (REST,) else "rest"}.get(names[0], "other")
    elif rest == REST:
        rest = "other" if targets == ("vocals",) else "Instrumental"
    return {"instruments": [*names, rest], "target_instrument": names[0]}
