"""Settings of Music-Source-Separation-Training for HTDemucs and HDemucs, as a configuration of ours and back.

There `model` is the network's name, and its arguments stand in a group of that name; those that describe the signal
stand in `training`.
"""

from collections.abc import Mapping
from typing import Any

from auralflow_core.config import Config
from auralflow_core.console.text import with_article
from auralflow_core.errors import InputError, shown
from bridge.importers.demucs_arguments import Signature
from bridge.importers.demucs_settings import Settings, to_arguments, to_config
from bridge.importers.msst_groups import targets_of

SIGNAL = {"channels": "audio_channels", "samplerate": "samplerate", "segment": "segment"}  # in `training` -> argument


def from_msst_settings(settings: Mapping[str, Any], signature: Signature, name: str, origin: str) -> Settings:
    """The configuration that a file of settings describes.

    Args:
        settings: the file's content.
        signature: of the network that the checkpoint holds.
        name: the model's.
        origin: the file, for messages.

    Raises:
        InputError: the settings are of another network, or ask for what is not computed here.
    """
    own = signature.name.lower()
    if settings.get("model") != own:
        raise InputError(
            f"{origin}: model is {shown(settings.get('model'))}, but the checkpoint holds an {signature.name}"
        )
    arguments, training, inference = (settings.get(group, {}) for group in (own, "training", "inference"))
    for group, value in ((own, arguments), ("training", training), ("inference", inference)):
        if not isinstance(value, dict):
            raise InputError(f"{origin}: {group} is {with_article(type(value).__name__)}, expected a group of settings")
    if inference.get("normalize"):
        raise InputError(f"{origin}: inference.normalize is true, expected false: songs are separated as they are")
    signal = {}
    for key, argument in SIGNAL.items():
        if key not in training:
            raise InputError(f"{origin}: training.{key} is missing")
        signal[argument] = training[key]
    keys = {argument: f"training.{key}" for key, argument in SIGNAL.items()} | {"sources": "training.instruments"}
    arguments = arguments | signal | {"sources": targets_of(training, origin)}
    return to_config(arguments, name, origin, signature, lambda argument: keys.get(argument, f"{own}.{argument}"))


def to_msst_settings(config: Config, origin: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The inverse of `from_msst_settings`: the content of a file of settings, and the targets in its order.

    Args:
        config: of an HTDemucs or HDemucs.
        origin: the model, for messages.

    Raises:
        InputError: the network is another one, or has no counterpart there.
    """
    arguments, sources = to_arguments(config, origin)
    del arguments["sources"]
    segment = arguments.pop("segment")
    training = {key: arguments.pop(SIGNAL[key]) for key in ("channels", "samplerate")}
    training |= {
        "segment": int(segment) if segment.denominator == 1 else float(segment),
        "instruments": list(sources),
        "target_instrument": None,
        "batch_size": 1,
        "lr": config.training.lr,
        "use_amp": True,
    }
    audio = {
        "chunk_size": config.crop_samples,
        "hop_length": arguments["nfft"] // 4,
        "num_channels": training["channels"],
        "sample_rate": training["samplerate"],
        "min_mean_abs": 0.0,
    }
    inference = {"batch_size": 1, "num_overlap": 4}
    own = type(config.model).__name__.lower()
    return {"audio": audio, "training": training, "model": own, own: arguments, "inference": inference}, sources
