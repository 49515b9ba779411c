"""Small band-split RoFormers with random weights, and files of them as others publish theirs."""

import torch
import yaml

import bridge
from auralflow_core.config import from_dict
from auralflow_jax.models.base import abstract_variables
from bridge.importers.band_split_roformer import to_msst
from bridge.parity.twins import random_variables

SIZES = {"width": 8, "num_blocks": 1, "heads": 2, "head_size": 4, "sample_rate": 8000, "num_channels": 2}
STFT = {"num_fft": 64, "window_size": 64, "hop_length": 16}
BS = SIZES | STFT | {"model_type": "BSRoformer", "bands": [2, 2, 4, 8, 17], "targets": ["drums", "other", "vocals"]}
MEL = SIZES | {"model_type": "MelBandRoformer", "num_bands": 6, "targets": ["vocals"], "residual_name": "accompaniment"}
MEL |= {"num_fft": 128, "window_size": 128, "hop_length": 32}
CHUNK = 1600  # samples


def roformer(model, seed=0):
    """The configuration of a model, and a state dict of our torch network with every leaf random."""
    length = max(CHUNK, model["window_size"]) / 8000
    config = from_dict({"model": {"model_name": "m"} | model, "dataset": {"sample_length": length}})
    return config, bridge.to_torch(random_variables(abstract_variables(config), seed))


def describe(model, instruments, target=None):
    """The content of the file of settings, as its authors write it; `model` is `BS` or `MEL`, perhaps with changes."""
    arguments = {
        "dim": model["width"],
        "depth": model["num_blocks"],
        "stereo": True,
        "num_stems": 1 if target else len(instruments),
        "time_transformer_depth": 1,
        "freq_transformer_depth": 1,
        "linear_transformer_depth": 0,
        "dim_head": model["head_size"],
        "heads": model["heads"],
        "attn_dropout": 0.1,
        "ff_dropout": 0.1,
        "flash_attn": True,
        "dim_freqs_in": 1025,
        "stft_n_fft": model["num_fft"],
        "stft_hop_length": model["hop_length"],
        "stft_win_length": model["window_size"],
        "stft_normalized": False,
        "mask_estimator_depth": 2,
        "multi_stft_resolution_loss_weight": 1.0,
        "multi_stft_resolutions_window_sizes": (4096, 2048),
    }
    if "bands" in model:
        arguments["freqs_per_bands"] = tuple(model["bands"])
    else:
        arguments |= {"num_bands": model["num_bands"], "sample_rate": 8000, "match_input_audio_length": False}
    return {
        "audio": {"chunk_size": CHUNK, "dim_t": 7, "num_channels": 2, "sample_rate": 8000, "n_fft": 999},
        "model": arguments,
        "training": {"instruments": list(instruments), "target_instrument": target, "lr": 1.0e-05},
        "inference": {"batch_size": 1, "dim_t": 5, "num_overlap": 4, "normalize": False},
    }


def make_pair(folder, model, settings=None, stem="model"):
    """Writes `model.ckpt` and `model.yaml` into a folder.

    Args:
        folder: it exists.
        model: `BS` or `MEL`, perhaps with changes.
        settings: see `describe`; default: with the model's targets, in reversed order, as instruments.
        stem: of the files' names.

    Returns:
        The checkpoint's tensors, whose targets stand in the order of the instruments.
    """
    config, ours = roformer(model)
    instruments = tuple(reversed(config.model.targets))
    settings = settings or describe(model, instruments)
    theirs = {name: torch.from_numpy(array) for name, array in to_msst(ours, config.model, instruments).items()}
    torch.save(theirs, folder / f"{stem}.ckpt")
    (folder / f"{stem}.yaml").write_text(yaml.dump(settings))  # tuples get their tag
    return theirs
