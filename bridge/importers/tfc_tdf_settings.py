"""Settings of Music-Source-Separation-Training for TFC-TDF (MDX23C), as a configuration of ours and back.

The sizes of the spectrum stand in its group `audio`, those of the network in `model`.
"""

from collections.abc import Mapping
from typing import Any

from auralflow_core.config import TFCTDF, Config
from auralflow_core.errors import InputError
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

# Their argument, in `model` or in `audio`, -> our setting; none has a default.
NETWORK = {
    "num_subbands": "num_subbands",
    "num_scales": "depth",
    "num_blocks_per_scale": "num_blocks",
    "num_channels": "hidden_channels",
    "growth": "growth",
    "bottleneck_factor": "compression",
}
AUDIO = {
    "n_fft": "num_fft",
    "hop_length": "hop_length",
    "dim_f": "num_bins",
    "num_channels": "num_channels",
    "sample_rate": "sample_rate",
}
ONLY = {"norm": "InstanceNorm", "act": "gelu"}
SCALE = "scale"  # frames before bins


def to_config(settings: Mapping[str, Any], name: str, origin: str) -> Settings:
    """The configuration that a file of settings describes.

    Args:
        settings: the file's content.
        name: the model's.
        origin: the file, for messages.

    Raises:
        InputError: the settings are of another network, lack something, or ask for what is not computed here.
    """
    audio, model, training, inference = (
        group_of(settings, group, origin, "an MDX23C network") for group in ("audio", "model", "training", "inference")
    )
    check_arguments(model, (*NETWORK, SCALE), ONLY, "an MDX23C network", origin)
    for key in ONLY:
        if key not in model:
            raise InputError(f"{origin}: model.{key} is missing, expected {ONLY[key]!r}")
    instruments = targets_of(training, origin)
    found: dict[str, Any] = {"model_type": "TFCTDF", "model_name": name, "targets": instruments}
    found |= {ours: value_of(model, key, int, None, f"{origin}: model") for key, ours in NETWORK.items()}
    found |= {ours: value_of(audio, key, int, None, f"{origin}: audio") for key, ours in AUDIO.items()}
    if found["num_channels"] != 2:
        raise InputError(f"{origin}: audio.num_channels is {found['num_channels']}, expected 2, as its networks have")
    scale = values_of(model, SCALE, int, [], f"{origin}: model")
    if len(scale) != 2:
        raise InputError(f"{origin}: model.{SCALE} is {scale!r}, expected two numbers, of frames and bins")
    found |= {"frame_stride": scale[0], "bin_stride": scale[1], "window_size": found["num_fft"]}
    found |= {"normalize_song": value_of(inference, "normalize", bool, False, f"{origin}: inference")}
    found |= residual_of(training, instruments)
    seconds, segment = segment_of(audio, inference, found["hop_length"], found["sample_rate"], origin)
    keys = {ours: f"model.{key}" for key, ours in NETWORK.items()}
    keys |= {ours: f"audio.{key}" for key, ours in AUDIO.items()}
    keys |= {"frame_stride": f"model.{SCALE}[0]", "bin_stride": f"model.{SCALE}[1]", "window_size": "audio.n_fft"}
    keys["sample_length"] = f"{segment} in seconds"
    return Settings(configuration_of(found, seconds, keys, origin), instruments)


def to_settings(config: Config, origin: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The inverse of `to_config`: the content of a file of settings, and the targets in its order.

    Args:
        config: of a TFC-TDF.
        origin: the model, for messages.

    Raises:
        InputError: the network has settings that its counterpart lacks, or segments have another number of frames than
            its levels can divide.
    """
    model = config.model
    assert isinstance(model, TFCTDF)
    expected = {"padding": "reflect", "zero_dc": False, "window": "hann", "window_size": model.num_fft}
    check_counterpart(model, expected | {"num_channels": 2}, origin)
    frames = 1 + config.crop_samples // model.hop_length
    if frames % model.frame_multiple:
        raise InputError(
            f"{origin}: a segment has {frames} frames, expected a multiple of {model.frame_multiple}; sample_length "
            f"{model.hop_length * model.count_hops(config.crop_samples) / model.sample_rate} gives one"
        )
    arguments = {key: getattr(model, ours) for key, ours in NETWORK.items()} | ONLY
    arguments |= {SCALE: [model.frame_stride, model.bin_stride]}
    audio = {key: getattr(model, ours) for key, ours in AUDIO.items()}
    audio |= {"chunk_size": config.crop_samples, "dim_t": frames, "min_mean_abs": 0.0}
    training = instruments_of(model) | {"batch_size": 1, "lr": config.training.lr, "use_amp": True}
    inference = {"batch_size": 1, "dim_t": frames, "num_overlap": 4}
    inference |= {"normalize": True} if model.normalize_song else {}
    return {"audio": audio, "model": arguments, "training": training, "inference": inference}, model.targets
