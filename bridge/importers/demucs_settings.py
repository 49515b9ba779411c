"""Arguments of demucs' HTDemucs, as a configuration of ours and back.

Each argument is mapped, known to have no effect on what the network computes, accepted with one value only, or refused
by its name.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from auralflow_core.config import Config, HTDemucs, from_dict
from auralflow_core.errors import InputError, closest
from bridge.importers.msst_groups import FURTHER

# Their argument -> our setting, and their default.
RENAMED: dict[str, tuple[str, int | float]] = {
    "audio_channels": ("num_channels", 2),
    "samplerate": ("sample_rate", 44100),
    "channels": ("hidden_channels", 48),
    "nfft": ("num_fft", 4096),
    "depth": ("depth", 4),
    "dconv_depth": ("residual_depth", 2),
    "dconv_comp": ("compression", 8),
    "freq_emb": ("bin_embedding", 0.2),
    "bottom_channels": ("width", 0),
    "t_layers": ("num_layers", 5),
    "t_heads": ("heads", 8),
    "t_dropout": ("dropout_p", 0.0),
}
MODES = {1: "encoder", 3: "both"}  # values of `dconv_mode`
DEFAULTS: dict[str, Any] = {"dconv_mode": 1, "segment": 10, "norm_starts": 4}
ONLY: dict[str, Any] = {
    "channels_time": None,
    "growth": 2,
    "wiener_iters": 0,
    "end_iters": 0,
    "cac": True,
    "rewrite": True,
    "emb_scale": 10,
    "kernel_size": 8,
    "stride": 4,
    "context": 1,
    "context_enc": 0,
    "t_emb": "sin",
    "t_hidden_scale": 4,
    "t_norm_in": True,
    "t_norm_in_group": False,
    "t_group_norm": False,
    "t_norm_first": True,
    "t_norm_out": True,
    "t_max_period": 10000,
    "t_layer_scale": True,
    "t_gelu": True,
    "t_weight_pos_embed": 1,
    "t_sin_random_shift": 0,
    "t_sparse_self_attn": False,
    "t_sparse_cross_attn": False,
    "t_cross_first": False,
    "num_subbands": 1,  # of Music-Source-Separation-Training alone
}
WITHOUT_EFFECT = {
    "wiener_residual",
    "multi_freqs_depth",
    "emb_smooth",
    "time_stride",
    "norm_groups",
    "dconv_init",
    "t_max_positions",
    "t_weight_decay",
    "t_lr",
    "t_cape_mean_normalize",
    "t_cape_augment",
    "t_cape_glob_loc_scale",
    "t_mask_type",
    "t_mask_random_seed",
    "t_sparse_attn_window",
    "t_global_window",
    "t_sparsity",
    "t_auto_sparsity",
    "rescale",
    "use_train_segment",
}
ORDER = ("drums", "bass", "other", "vocals", "guitar", "piano")  # of the published models


class Settings(NamedTuple):
    """A configuration, and the order of a network's sources.

    Attributes:
        config: with sorted targets.
        sources: the same names in the order of the network.
    """

    config: Config
    sources: tuple[str, ...]


def to_config(arguments: Mapping[str, Any], name: str, origin: str) -> Settings:
    """The configuration that a network's arguments describe.

    Args:
        arguments: by name.
        name: the model's.
        origin: the file, for messages.

    Raises:
        InputError: an argument is unknown or has a value for which nothing is computed here.
    """
    _check(arguments, origin)
    sources = arguments.get("sources")
    if not isinstance(sources, list | tuple) or not all(isinstance(source, str) for source in sources):
        raise InputError(f"{origin}: sources is {sources!r}, expected a list of names")
    model: dict[str, Any] = {"model_type": "HTDemucs", "model_name": name, "targets": list(sources)}
    for key, (ours, default) in RENAMED.items():
        model[ours] = _number(arguments.get(key, default), key, origin, whole=isinstance(default, int))
    mode = arguments.get("dconv_mode", DEFAULTS["dconv_mode"])
    if mode not in MODES:
        raise InputError(f"{origin}: dconv_mode is {mode!r}, expected 1 or 3")
    model["residuals"] = MODES[mode]
    segment = arguments.get("segment", DEFAULTS["segment"])
    if isinstance(segment, bool) or not isinstance(segment, int | float | Fraction):
        raise InputError(f"{origin}: segment is {segment!r}, expected a number of seconds")
    # Rounded down as there; but a float that stands for a whole number of samples may lie just below it.
    samples = int(segment * model["sample_rate"] + 1e-6)
    seconds = samples / model["sample_rate"] if model["sample_rate"] else 0.0
    config = from_dict({"model": model, "dataset": {"sample_length": seconds}, "training": FURTHER}, origin)
    _check_counterpart(config.model, origin, arguments.get("norm_starts", DEFAULTS["norm_starts"]))
    return Settings(config, tuple(sources))


def to_arguments(config: Config, origin: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The inverse of `to_config`: the arguments, `segment` as a fraction, and the sources in their order.

    Args:
        config: of an HTDemucs.
        origin: the model, for messages.

    Raises:
        InputError: the network is another one, or has no counterpart.
    """
    model = config.model
    if not isinstance(model, HTDemucs):
        raise InputError(f"{origin}: is of type {type(model).__name__}, which has no counterpart there; HTDemucs has")
    if model.members > 1:
        raise InputError(f"{origin}: has {model.members} members, and one network is written into a file")
    _check_counterpart(model, origin, model.depth)
    known = sorted(model.targets, key=lambda target: ORDER.index(target) if target in ORDER else len(ORDER))
    arguments = {key: getattr(model, ours) for key, (ours, _) in RENAMED.items()}
    arguments |= {
        "sources": known,
        "segment": Fraction(config.crop_samples, model.sample_rate),
        "dconv_mode": 3 if model.residuals == "both" else 1,
        "norm_starts": model.depth,
    }
    return arguments, tuple(known)


def _check(arguments: Mapping[str, Any], origin: str) -> None:
    """Refuses unknown arguments, and values for which nothing is computed here."""
    known = {*RENAMED, *DEFAULTS, *ONLY, *WITHOUT_EFFECT, "sources", "multi_freqs"}
    for key, value in arguments.items():
        if key not in known:
            raise InputError(f"{origin}: unknown argument {key!r} of an HTDemucs; {closest(str(key), known)}")
        if key in ONLY and value != ONLY[key]:
            raise InputError(f"{origin}: {key} is {value!r}, expected {ONLY[key]!r}: no other is computed here")
    if arguments.get("multi_freqs"):
        raise InputError(f"{origin}: multi_freqs is {arguments['multi_freqs']!r}, expected none: no other is computed")


def _check_counterpart(model: Any, origin: str, norm_starts: Any) -> None:
    """Refuses sizes with which a network there has norms or merged branches, which none here has."""
    if not isinstance(norm_starts, int) or norm_starts < model.depth:
        raise InputError(f"{origin}: norm_starts is {norm_starts!r}, expected at least depth, {model.depth}")
    deepest = model.num_fft // 2 // 4 ** (model.depth - 1)
    if deepest <= 8:
        raise InputError(
            f"{origin}: {deepest} bins enter the deepest level, where the branches of the network there would merge; "
            "more than 8 are expected"
        )


def _number(value: Any, key: str, origin: str, whole: bool) -> int | float:
    """A number, of which whole ones may be written as floats."""
    if isinstance(value, bool) or not isinstance(value, int | float) or (whole and value != int(value)):
        raise InputError(f"{origin}: {key} is {value!r}, expected a {'whole ' if whole else ''}number")
    return int(value) if whole else float(value)
