"""The arguments of the networks of demucs, by what becomes of them here."""

from typing import Any, NamedTuple

from auralflow_core.config import HDemucs, HTDemucs

MODES = {1: "encoder", 3: "both"}  # values of `dconv_mode`


class Signature(NamedTuple):
    """The arguments of a network's constructor.

    Attributes:
        network: the settings that they become.
        renamed: argument -> our setting, and the argument's default.
        others: further arguments that are read, and their defaults.
        only: accepted with one value, the default; where that is None, with any that means no.
        without_effect: on what the network computes.
    """

    network: type[HDemucs] | type[HTDemucs]
    renamed: dict[str, tuple[str, int | float]]
    others: dict[str, Any]
    only: dict[str, Any]
    without_effect: frozenset[str]

    @property
    def name(self) -> str:
        """The network's name, there and here."""
        return self.network.__name__


_RENAMED: dict[str, tuple[str, int | float]] = {
    "audio_channels": ("num_channels", 2),
    "samplerate": ("sample_rate", 44100),
    "channels": ("hidden_channels", 48),
    "nfft": ("num_fft", 4096),
    "dconv_depth": ("residual_depth", 2),
    "freq_emb": ("bin_embedding", 0.2),
}
_ONLY: dict[str, Any] = {
    "channels_time": None,
    "growth": 2,
    "wiener_iters": 0,
    "end_iters": 0,
    "cac": True,
    "rewrite": True,
    "multi_freqs": None,
    "emb_scale": 10,
    "kernel_size": 8,
    "stride": 4,
    "context": 1,
    "context_enc": 0,
}
_WITHOUT_EFFECT = frozenset({"wiener_residual", "multi_freqs_depth", "emb_smooth", "dconv_init", "rescale"})

HT = Signature(
    HTDemucs,
    _RENAMED
    | {
        "depth": ("depth", 4),
        "dconv_comp": ("compression", 8),
        "bottom_channels": ("width", 0),
        "t_layers": ("num_layers", 5),
        "t_heads": ("heads", 8),
        "t_dropout": ("dropout_p", 0.0),
    },
    {"dconv_mode": 1, "segment": 10, "norm_starts": 4},
    _ONLY
    | {
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
    },
    _WITHOUT_EFFECT
    | {
        "time_stride",
        "norm_groups",
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
        "use_train_segment",
    },
)
H = Signature(
    HDemucs,
    _RENAMED
    | {
        "depth": ("depth", 6),
        "dconv_comp": ("compression", 4),
        "norm_starts": ("norm_level", 4),
        "norm_groups": ("norm_groups", 4),
        "dconv_lstm": ("recurrent_level", 4),
        "dconv_attn": ("attention_level", 4),
    },
    {"dconv_mode": 1, "segment": 40},
    _ONLY | {"hybrid": True, "hybrid_old": False, "time_stride": 2},
    _WITHOUT_EFFECT,
)
SIGNATURES = {signature.network: signature for signature in (HT, H)}
