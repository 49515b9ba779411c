"""Combinations of the settings that decide what a network computes, over which the two frameworks are compared."""

import itertools
from collections.abc import Iterator
from typing import Any

from auralflow_core.config import MODELS, Config, from_dict
from auralflow_core.errors import InputError

# Two levels of four channels and an STFT to match; each model takes those settings that it has.
SMALL = {
    "hidden_channels": 4,
    "depth": 2,
    "num_fft": 32,
    "window_size": 32,
    "hop_length": 8,
    "sample_rate": 8000,
    "num_bins": 12,
    "recurrent_depth": 2,
    "seen_bins": 10,
    "hidden_size": 8,
    "audio_channels": 4,
    "audio_depth": 2,
    "recurrent_group": 2,
    "width": 8,
    "num_blocks": 2,
    "heads": 2,
    "head_size": 4,
    "mask_growth": 2,
    "bands": (2, 2, 4, 9),
    "num_bands": 3,
    "compression": 2,
    "num_layers": 2,
    "residual_depth": 1,
    "level_channels": (4, 8),
    "band_strides": (1, 2, 4),
    "band_kernels": (3, 2, 4),
    "band_depths": (1, 1, 1),
    "num_subbands": 1,
    "growth": 4,
    "frame_stride": 1,  # norms of few frames magnify rounding
}
# Where SMALL would not do: bins that become one on the second of three levels, which have all that the template's do.
OF_NETWORKS: dict[str, dict[str, Any]] = {
    "TFCTDF": {"depth": 1},
    "HDemucs": {
        "num_fft": 64,
        "depth": 3,
        "norm_level": 1,
        "norm_groups": 2,
        "recurrent_level": 1,
        "attention_level": 1,
        "hidden_channels": 8,
    },
}
FACTORS = {
    "num_channels": (1, 2),
    "targets": (("vocals",), ("bass", "drums", "vocals")),
    "mask_activation": ("sigmoid", "softmax", "hardtanh", "relu", "softplus", "identity"),
    "normalize_input": (False, True),
    "normalize_output": (False, True),
    "input_axis": (0, 1),
    "num_bins": (12, 11),  # the stride is 4
    "frames": (8, 9),
    "leak_factor": (0.0, 0.1),
    "positions": ("rotary", "polar"),
    "norms": ("end", "each"),
    "skip_connection": (False, True),
    "residuals": ("encoder", "both"),
    "masks": (False, True),
}

Case = dict[str, Any]  # a value for each factor that the model has


def small_config(model_type: str, frames: int = 8, **settings) -> Config:
    """The configuration of a small network.

    Args:
        model_type: one of MODELS.
        frames: of a crop.
        settings: of the model, in addition to SMALL.

    Raises:
        InputError: the settings exclude each other.
    """
    known = MODELS[model_type].__struct_fields__
    model = {name: value for name, value in SMALL.items() if name in known}
    model |= OF_NETWORKS.get(model_type, {}) | settings
    samples = (frames - 1) * SMALL["hop_length"]
    # Masks without bounds are refused unless something joins them after the network.
    joiner = {"joiner": "softmax"} if settings.get("mask_activation") == "identity" else {}
    return from_dict(
        {
            "model": {"model_type": model_type} | model | joiner,
            "dataset": {"sample_length": samples / SMALL["sample_rate"]},
        }
    )


def product(model_type: str) -> Iterator[Case]:
    """Every combination of the factors' values that a model accepts."""
    known = {"frames", *MODELS[model_type].__struct_fields__}
    factors = {"model_type": (model_type,), **{name: values for name, values in FACTORS.items() if name in known}}
    for values in itertools.product(*factors.values()):
        case: Case = dict(zip(factors, values, strict=True))
        try:
            small_config(**case)
        except InputError:
            continue
        yield case


def pairs_of(case: Case) -> set[frozenset]:
    """Every two of a case's settings."""
    return {frozenset(pair) for pair in itertools.combinations(case.items(), 2)}


def covering_set() -> list[Case]:
    """Few cases that contain every pair of settings which some model accepts, chosen greedily by the pairs left."""
    left = {tuple(case.items()): pairs_of(case) for name in MODELS for case in product(name)}
    cases = []
    while left:
        best = max(left, key=lambda case: len(left[case]))
        covered = left[best].copy()
        cases.append(dict(best))
        left = {case: rest for case, pairs in left.items() if (rest := pairs - covered)}
    return cases
