"""Band-split RoFormers of other packages, with the settings of a configuration of ours and without dropout."""

import importlib.util
import warnings

import pytest


def needs(*modules):
    """Skips a test where one of the modules, none of which has a dot in its name, is not installed."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


needs_pymss = needs("pymss_core")
needs_bs_roformer = needs("bs_roformer", "beartype", "einops", "rotary_embedding_torch")
needs_msst = needs("msst", "ml_collections")


def is_bs(model):
    return type(model).__name__ == "BSRoformer"


def shared(model):
    """The arguments that all of these networks have."""
    return {
        "dim": model.width,
        "depth": model.num_blocks,
        "stereo": model.num_channels == 2,
        "num_stems": len(model.targets),
        "time_transformer_depth": model.time_layers,
        "freq_transformer_depth": model.band_layers,
        "dim_head": model.head_size,
        "heads": model.heads,
        "attn_dropout": 0.0,
        "ff_dropout": 0.0,
        "flash_attn": False,
        "stft_n_fft": model.num_fft,
        "stft_hop_length": model.hop_length,
        "stft_win_length": model.window_size,
    } | ({"freqs_per_bands": tuple(model.bands)} if is_bs(model) and model.bands else {})


def pymss(config):
    """The network of pymss-core, which has all that checkpoints need."""
    from pymss_core.modules.bs_roformer import BSRoformer, MelBandRoformer  # pyright: ignore[reportMissingImports]

    model = config.model
    recent = {key: getattr(model, key) for key in ("zero_dc", "skip_connection")}
    recent["mlp_expansion_factor"] = model.mask_growth
    if is_bs(model):
        polar = {"use_pope": True} if model.positions == "polar" else {}
        return BSRoformer(**shared(model), **recent, **polar, mask_estimator_depth=model.mask_layers + 1).eval()
    own = {"num_bands": model.num_bands, "sample_rate": model.sample_rate, "mlp_hidden_layers": model.mask_layers}
    return MelBandRoformer(**shared(model), **recent, **own).eval()


# What the first networks that were published have in place of settings.
FIRST = {"zero_dc": False, "skip_connection": False, "mask_growth": 4}


def bs_roformer(config):
    """The network of bs-roformer 0.3.10, of which those of the checkpoints are a copy, with the settings `FIRST`."""
    from bs_roformer import BSRoformer, MelBandRoformer  # pyright: ignore[reportMissingImports]

    model = config.model
    with warnings.catch_warnings(action="ignore"):  # they count their bins by an STFT without a window
        if is_bs(model):
            return BSRoformer(**shared(model), mask_estimator_depth=model.mask_layers + 1).eval()
        own = {"num_bands": model.num_bands, "sample_rate": model.sample_rate}
        return MelBandRoformer(**shared(model), **own, mask_estimator_depth=model.mask_layers).eval()
