"""The groups of settings that all networks of Music-Source-Separation-Training have: instruments, signal, segments."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from auralflow_core.config import Config, ModelConfig, from_dict
from auralflow_core.config.model import MOST_TARGETS
from auralflow_core.console.text import with_article
from auralflow_core.errors import InputError, brief, closest, shown

REST = "accompaniment"

# Whole numbers above these would fill the memory before anyone sees that the checkpoint is another one.
LARGEST = 1_000_000
LARGEST_OF = {"chunk_size": 100_000_000, "num_bands": 500, "num_stems": 500, "dims": 1 << 16}
LARGEST_OF |= dict.fromkeys(("stft_n_fft", "nfft", "n_fft"), 1 << 16)
LARGEST_OF |= dict.fromkeys(("depth", "time_transformer_depth", "freq_transformer_depth", "mask_estimator_depth"), 200)
LARGEST_OF |= dict.fromkeys(("conv_depths", "num_dplayer", "num_scales", "num_blocks_per_scale"), 200)
LARGEST_OF |= dict.fromkeys(("t_layers", "dconv_depth"), 200)
SMALLEST_OF = {"chunk_size": 1, "dim_t": 2, "dims": 1}  # of those from which settings of ours are computed; else 0
LONGEST, LONGEST_OF = 32, {"freqs_per_bands": LARGEST_OF["num_bands"]}  # lists
NAMES = {int: "a whole number", float: "a number", bool: "true or false"}

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
        raise InputError(f"{origin}: training.instruments is {shown(names)}, expected a list of names")
    if len(names) > MOST_TARGETS:
        raise InputError(f"{origin}: training.instruments has {len(names)} names, expected at most {MOST_TARGETS}")
    only = training.get("target_instrument")
    if only is not None and only not in names:
        raise InputError(f"{origin}: training.target_instrument is {shown(only)}, expected one of {', '.join(names)}")
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
        what = f"is {shown(group)}" if isinstance(group, str) else f"is {with_article(type(group).__name__)}"
        raise InputError(f"{origin}: {name} {what}, expected a group of settings of {kind}")
    return group


def segment_of(
    audio: Mapping[str, Any], inference: Mapping[str, Any], hop: int, rate: int, origin: str
) -> tuple[float, str]:
    """The seconds of a segment, and the key that gives its samples; other programs count frames, `dim_t`."""
    for group, name in ((inference, "inference"), (audio, "audio")):
        if "chunk_size" in group:
            samples = value_of(group, "chunk_size", int, None, f"{origin}: {name}")
            return samples / max(1, rate), f"{name}.chunk_size"
    if "dim_t" in inference:
        frames = value_of(inference, "dim_t", int, None, f"{origin}: inference")
        return hop * (frames - 1) / max(1, rate), "inference.dim_t"
    raise InputError(f"{origin}: audio.chunk_size is missing, the samples of a segment")


def configuration_of(model: dict[str, Any], seconds: float, keys: Mapping[str, str], origin: str) -> Config:
    """A configuration of ours, for further training.

    Args:
        model: settings of the network.
        seconds: of a segment.
        keys: our setting -> the file's key for it.
        origin: the file, for messages.

    Raises:
        InputError: the settings are refused; the message names the file's keys.
    """
    try:
        return from_dict({"model": model, "dataset": {"sample_length": seconds}, "training": FURTHER}, origin)
    except InputError as error:
        ours = rf"\b(?:(?:model|dataset)\.)?({'|'.join(keys)})\b"
        refusal = str(error).removeprefix(origin).replace(": model: ", ": ", 1)
        message = re.sub(ours, lambda found: keys[found[1]], refusal)
    raise InputError(origin + message)


def value_of(group: Mapping[str, Any], key: str, kind: type, default: Any, where: str) -> Any:
    """A value of a group, of the right type."""
    if key not in group and default is None:
        raise InputError(f"{where}.{key} is missing, expected {NAMES[kind]}")
    return _checked(group.get(key, default), key, kind, f"{where}.{key}")


def values_of(group: Mapping[str, Any], key: str, kind: type, default: list, where: str) -> list:
    """A list of numbers of a group, of the right type."""
    values = group.get(key, default)
    if not isinstance(values, list):
        raise InputError(f"{where}.{key} is {shown(values)}, expected a list of numbers")
    if len(values) > (longest := LONGEST_OF.get(key, LONGEST)):
        raise InputError(f"{where}.{key} has {len(values)} numbers, expected at most {longest}")
    return [_checked(value, key, kind, f"{where}.{key}[{index}]") for index, value in enumerate(values)]


def _checked(value: Any, key: str, kind: type, name: str) -> Any:
    """A value of the right type and size; whole numbers are numbers, too."""
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise InputError(f"{name} is {shown(value)}, expected {NAMES[kind]}")
    smallest, largest = SMALLEST_OF.get(key, 0), LARGEST_OF.get(key, LARGEST)
    if kind is not bool and not smallest <= value <= largest:  # nor is NaN
        expected = f"at most {largest}" if value > largest else f"at least {smallest}"
        raise InputError(f"{name} is {shown(value)}, expected {expected}")
    return kind(value)


def check_arguments(
    model: Mapping[str, Any], known: Iterable[str], only: Mapping[str, Any], kind: str, where: str
) -> None:
    """Refuses arguments of a network that are unknown, or have a value for which nothing is computed here.

    Args:
        model: the arguments.
        known: their names.
        only: those that are accepted with one value.
        kind: of the network that the checkpoint holds, for messages.
        where: the file, for messages.

    Raises:
        InputError: there are such arguments, or none at all.
    """
    if not model:
        raise InputError(f"{where}: has no group `model` with the network's arguments")
    known = [*known, *only]
    for key, value in model.items():
        if key not in known:
            raise InputError(
                f"{where}: unknown argument model.{brief(str(key))} of {kind}, which the checkpoint holds; "
                f"{closest(str(key), known)}"
            )
        if key in only and value != only[key]:
            raise InputError(
                f"{where}: model.{key} is {shown(value)}, expected {only[key]!r}: no other is computed here"
            )


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
