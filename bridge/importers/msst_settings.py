"""Settings of Music-Source-Separation-Training for band-split RoFormers, as a configuration of ours and back.

Its files have the groups `audio`, `model`, `training` and `inference`. `model` holds the network's arguments: each is
mapped, known to have no effect on what the network computes, accepted with one value only, or refused by its name.
"""

from collections.abc import Mapping
from typing import Any

from auralflow_core.config import BSRoformer, Config, MelBandRoformer
from auralflow_core.errors import InputError, closest, shown
from bridge.importers.checkpoint import BS, HT, MDX, MEL, SC
from bridge.importers.msst_groups import (
    Settings,
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

KINDS = {BS: "a BS-RoFormer", MEL: "a Mel-Band RoFormer"}

# Their argument -> our setting, and their default. Arguments that need more than another name: `_network`.
RENAMED: dict[str, tuple[str, Any]] = {
    "dim": ("width", None),
    "depth": ("num_blocks", None),
    "time_transformer_depth": ("time_layers", 2),
    "freq_transformer_depth": ("band_layers", 2),
    "heads": ("heads", 8),
    "dim_head": ("head_size", 64),
    "mlp_expansion_factor": ("mask_growth", 4),
    "skip_connection": ("skip_connection", False),
    "stft_n_fft": ("num_fft", 2048),
    "stft_hop_length": ("hop_length", 512),
    "stft_win_length": ("window_size", 2048),
    "zero_dc": ("zero_dc", True),
    "ff_dropout": ("dropout_p", 0.0),
}
MAPPED = {"num_stems": 1, "stereo": False, "mask_estimator_depth": None}  # and their defaults
MAPPED_OF = {
    BS: {"freqs_per_bands": (), "use_pope": False, "mask_estimator_depth": 2},
    MEL: {"num_bands": 60, "sample_rate": 44100, "mask_estimator_depth": 1},
}
# Our setting -> the argument that it is computed from.
DERIVED = {"bands": "freqs_per_bands", "mask_layers": "mask_estimator_depth", "num_bands": "num_bands"}
# The networks give k times the estimate for k times the input, so the scale of their spectra has none either.
WITHOUT_EFFECT = {
    "flash_attn",
    "sage_attention",
    "dim_freqs_in",
    "use_torch_checkpoint",
    "attn_dropout",
    "match_input_audio_length",
    "stft_normalized",
    "use_shared_bias",  # the biases show among the tensors
}
LOSS = "multi_stft_"  # begins arguments of the loss
ONLY = {"linear_transformer_depth": 0, "stft_window_fn": None, "mlp_hidden_layers": None}
# Programs older than these arguments refuse them, so they are written only where they say something.
RECENT = ("zero_dc", "skip_connection", "mlp_expansion_factor")


def to_config(settings: Mapping[str, Any], family: str, name: str, origin: str) -> Settings:
    """The configuration that a file of settings describes.

    Args:
        settings: the file's content.
        family: `BS` or `MEL`, as the checkpoint's tensors tell.
        name: the model's.
        origin: the file, for messages.

    Raises:
        InputError: the settings are of another network, lack something, or ask for what is not computed here.
    """
    audio, model, training, inference = (
        group_of(settings, group, origin) for group in ("audio", "model", "training", "inference")
    )
    _check_arguments(model, family, origin)
    instruments = targets_of(training, origin)
    network = _network(model, family, origin) | {"model_type": family, "model_name": name, "targets": instruments}
    network["normalize_song"] = value_of(inference, "normalize", bool, False, f"{origin}: inference")
    network |= residual_of(training, instruments)
    network |= _signal(audio, model, family, len(instruments), origin)
    seconds, segment = segment_of(audio, inference, network["hop_length"], network["sample_rate"], origin)
    keys = {ours: f"model.{key}" for key, (ours, _) in RENAMED.items()}
    keys |= {ours: f"model.{key}" for ours, key in DERIVED.items()}
    keys |= {"sample_rate": "audio.sample_rate", "sample_length": f"{segment} in seconds"}
    return Settings(configuration_of(network, seconds, keys, origin), instruments)


def _check_arguments(model: Mapping[str, Any], family: str, origin: str) -> None:
    """Refuses arguments of other networks."""
    if not model:
        raise InputError(f"{origin}: has no group `model` with the network's arguments")
    other = MEL if family == BS else BS
    for key in ("freqs_per_bands", "num_bands"):
        if key in model and key not in MAPPED_OF[family]:
            raise InputError(f"{origin}: model.{key} is of {KINDS[other]}, but the checkpoint holds {KINDS[family]}")
    known = {*RENAMED, *MAPPED, *MAPPED_OF[family], *WITHOUT_EFFECT, *ONLY}
    for key, value in model.items():
        if key in ONLY and value != ONLY[key]:
            raise InputError(
                f"{origin}: model.{key} is {shown(value)}, expected {ONLY[key]!r}: no other is computed here"
            )
        if key not in known and not str(key).startswith(LOSS):
            raise InputError(f"{origin}: unknown argument model.{key} of {KINDS[family]}; {closest(str(key), known)}")


def _network(model: Mapping[str, Any], family: str, origin: str) -> dict[str, Any]:
    """The settings of ours that follow from the network's arguments alone."""
    group = f"{origin}: model"
    found: dict[str, Any] = {}
    for key, (ours, default) in RENAMED.items():
        kind = type(default) if default is not None else int
        found[ours] = value_of(model, key, kind, default, group)
    depth = value_of(model, "mask_estimator_depth", int, MAPPED_OF[family]["mask_estimator_depth"], group)
    if family == MEL:
        return found | {
            "mask_layers": depth,
            "norms": "each",
            "num_bands": value_of(model, "num_bands", int, 60, group),
        }
    if depth < 1:
        raise InputError(f"{group}.mask_estimator_depth is {depth}, expected at least 1")
    bands = values_of(model, "freqs_per_bands", int, [], group) if model.get("freqs_per_bands") else []
    positions = "polar" if value_of(model, "use_pope", bool, False, group) else "rotary"
    return found | {"mask_layers": depth - 1, "norms": "end", "bands": bands, "positions": positions}


def _signal(audio: Mapping[str, Any], model: Mapping[str, Any], family: str, stems: int, origin: str) -> dict[str, int]:
    """Channels and sample rate, which stand in two groups."""
    rate = value_of(audio, "sample_rate", int, 44100, f"{origin}: audio")
    if family == MEL and (own := value_of(model, "sample_rate", int, 44100, f"{origin}: model")) != rate:
        raise InputError(f"{origin}: model.sample_rate is {own}, but audio.sample_rate is {rate}; one is expected")
    channels = 2 if value_of(model, "stereo", bool, False, f"{origin}: model") else 1
    if (own := value_of(audio, "num_channels", int, channels, f"{origin}: audio")) != channels:
        stereo = "true" if channels == 2 else "false"
        raise InputError(f"{origin}: audio.num_channels is {own}, expected {channels}, as model.stereo is {stereo}")
    if (number := value_of(model, "num_stems", int, 1, f"{origin}: model")) != stems:
        raise InputError(f"{origin}: model.num_stems is {number}, but training names {stems} as targets")
    return {"sample_rate": rate, "num_channels": channels}


def to_settings(config: Config, origin: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The inverse of `to_config`: the content of a file of settings, and the targets in its order.

    Args:
        config: of a band-split RoFormer.
        origin: the model, for messages.

    Raises:
        InputError: the network is another one, or has settings that its counterpart lacks.
    """
    model = config.model
    if not isinstance(model, BSRoformer | MelBandRoformer):
        kind = type(model).__name__
        known = ", ".join((BS, MEL, HT, SC))
        raise InputError(f"{origin}: is of type {kind}, which has no counterpart there; {known} and {MDX} have")
    mel = isinstance(model, MelBandRoformer)
    expected = {"norms": "each" if mel else "end", "padding": "reflect", "window": "hann"}
    check_counterpart(model, expected | ({"positions": "rotary"} if mel else {}), origin)
    arguments = {key: getattr(model, ours) for key, (ours, _) in RENAMED.items()}
    for key in RECENT:
        if arguments[key] == RENAMED[key][1]:
            del arguments[key]
    arguments |= {
        "stereo": model.num_channels == 2,
        "num_stems": len(model.targets),
        "linear_transformer_depth": 0,
        "attn_dropout": model.dropout_p,
        "flash_attn": True,
        "stft_normalized": False,
    }
    if isinstance(model, MelBandRoformer):
        arguments |= {"num_bands": model.num_bands, "sample_rate": model.sample_rate}
        arguments |= {"mask_estimator_depth": model.mask_layers}
    else:
        arguments |= {"freqs_per_bands": tuple(model.band_table.widths), "mask_estimator_depth": model.mask_layers + 1}
        arguments |= {"use_pope": True} if model.positions == "polar" else {}
    audio = _audio(config, model)
    training = instruments_of(model) | {"batch_size": 1, "lr": config.training.lr, "use_amp": True}
    inference = {"batch_size": 1, "dim_t": audio["dim_t"], "num_overlap": 4}
    inference |= {"normalize": True} if model.normalize_song else {}
    return {"audio": audio, "model": arguments, "training": training, "inference": inference}, model.targets


def _audio(config: Config, model: BSRoformer | MelBandRoformer) -> dict[str, Any]:
    """The section `audio` of a file of settings."""
    return {
        "chunk_size": config.crop_samples,
        "dim_f": model.num_fft // 2,
        "dim_t": 1 + config.crop_samples // model.hop_length,
        "hop_length": model.hop_length,
        "n_fft": model.num_fft,
        "num_channels": model.num_channels,
        "sample_rate": model.sample_rate,
        "min_mean_abs": 0.0,
    }
