"""Settings of Music-Source-Separation-Training for SCNet, as a configuration of ours and back."""

from collections.abc import Mapping
from typing import Any

from auralflow_core.config import Config, SCNet
from auralflow_core.errors import InputError, shown
from bridge.importers.msst_groups import (
    Settings,
    check_arguments,
    check_counterpart,
    configuration_of,
    group_of,
    instruments_of,
    residual_of,
    segment_of,
    targets_of,
    value_of,
    values_of,
)

# Their argument -> our setting, and their default.
NUMBERS: dict[str, tuple[str, int]] = {
    "nfft": ("num_fft", 4096),
    "hop_size": ("hop_length", 1024),
    "win_size": ("window_size", 4096),
    "compress": ("compression", 4),
    "conv_kernel": ("kernel_size", 3),
    "num_dplayer": ("num_layers", 6),
    "expand": ("expansion", 1),
}
LISTS: dict[str, tuple[str, list]] = {
    "band_SR": ("band_shares", [0.175, 0.392, 0.433]),
    "band_stride": ("band_strides", [1, 4, 16]),
    "band_kernel": ("band_kernels", [3, 4, 16]),
    "conv_depths": ("band_depths", [3, 2, 1]),
}
ONLY = {"normalized": True}
SOURCES, DIMS, CHANNELS = "sources", "dims", "audio_channels"


def to_config(settings: Mapping[str, Any], masks: bool, name: str, origin: str) -> Settings:
    """The configuration that a file of settings describes.

    Args:
        settings: the file's content.
        masks: whether the network makes masks, as the checkpoint's tensors tell.
        name: the model's.
        origin: the file, for messages.

    Raises:
        InputError: the settings are of another network, lack something, or ask for what is not computed here.
    """
    audio, model, training, inference = (
        group_of(settings, group, origin, "an SCNet") for group in ("audio", "model", "training", "inference")
    )
    check_arguments(model, (*NUMBERS, *LISTS, SOURCES, DIMS, CHANNELS), ONLY, "an SCNet", origin)
    where, instruments = f"{origin}: model", targets_of(training, origin)
    found: dict[str, Any] = {"model_type": "SCNet", "model_name": name, "targets": instruments, "masks": masks}
    found |= {ours: value_of(model, key, int, default, where) for key, (ours, default) in NUMBERS.items()}
    found |= {ours: values_of(model, key, type(default[0]), default, where) for key, (ours, default) in LISTS.items()}
    found |= {"window": "hann" if masks else "ones", **_signal(audio, model, len(instruments), origin)}
    found |= {"normalize_song": value_of(inference, "normalize", bool, False, f"{origin}: inference")}
    found |= residual_of(training, instruments)
    if masks and found["window_size"] != found["num_fft"]:
        raise InputError(f"{where}.win_size is {found['window_size']}, expected {found['num_fft']}, as nfft")
    seconds, segment = segment_of(audio, inference, found["hop_length"], found["sample_rate"], origin)
    keys = {ours: f"model.{key}" for key, (ours, _) in (NUMBERS | LISTS).items()}
    keys |= {"num_channels": f"model.{CHANNELS}", "level_channels": f"model.{DIMS}"}
    keys |= {"sample_rate": "audio.sample_rate", "sample_length": f"{segment} in seconds"}
    return Settings(configuration_of(found, seconds, keys, origin), instruments)


def _signal(audio: Mapping[str, Any], model: Mapping[str, Any], targets: int, origin: str) -> dict[str, Any]:
    """Channels, sample rate and the channels of all levels, which depend on each other."""
    where = f"{origin}: model"
    channels = value_of(model, CHANNELS, int, 2, where)
    if (own := value_of(audio, "num_channels", int, channels, f"{origin}: audio")) != channels:
        raise InputError(f"{origin}: audio.num_channels is {own}, expected {channels}, as model.{CHANNELS} says")
    first, *levels = values_of(model, DIMS, int, [4, 32, 64, 128], where) or [0]
    if first != 2 * channels:
        raise InputError(f"{where}.{DIMS} begins with {first}, expected {2 * channels}, two for each channel")
    sources = model.get(SOURCES, ["drums", "bass", "other", "vocals"])
    if not isinstance(sources, list) or len(sources) != targets:
        raise InputError(f"{where}.{SOURCES} is {shown(sources)}, but training names {targets} as targets")
    rate = value_of(audio, "sample_rate", int, 44100, f"{origin}: audio")
    return {"num_channels": channels, "sample_rate": rate, "level_channels": levels}


def to_settings(config: Config, origin: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The inverse of `to_config`: the content of a file of settings, and the targets in its order.

    Args:
        config: of an SCNet.
        origin: the model, for messages.

    Raises:
        InputError: the network has settings that its counterpart lacks.
    """
    model = config.model
    assert isinstance(model, SCNet)
    expected = {"padding": "reflect", "zero_dc": False, "window": "hann" if model.masks else "ones"}
    check_counterpart(model, expected | ({"window_size": model.num_fft} if model.masks else {}), origin)
    if len(model.band_shares) != 3:
        raise InputError(f"{origin}: has {len(model.band_shares)} bands, expected 3, as its counterpart there has")
    training = instruments_of(model) | {"batch_size": 1, "lr": config.training.lr, "use_amp": True}
    named = training["instruments"] if training["target_instrument"] is None else [training["target_instrument"]]
    arguments: dict[str, Any] = {SOURCES: list(named), CHANNELS: model.num_channels}
    arguments |= {DIMS: [2 * model.num_channels, *model.level_channels], **ONLY}
    arguments |= {key: list(getattr(model, ours)) for key, (ours, _) in LISTS.items()}
    arguments |= {key: getattr(model, ours) for key, (ours, _) in NUMBERS.items()}
    audio = {
        "chunk_size": config.crop_samples,
        "num_channels": model.num_channels,
        "sample_rate": model.sample_rate,
        "min_mean_abs": 0.0,
    }
    inference = {"batch_size": 1, "num_overlap": 4, "normalize": model.normalize_song}
    return {"audio": audio, "model": arguments, "training": training, "inference": inference}, model.targets
