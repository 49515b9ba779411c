"""Small networks with weights, for the tests of this folder."""

import jax
import numpy as np

from auralflow_core.config import override, template
from auralflow_core.model_folder import ModelFolder
from auralflow_jax.models.base import abstract_variables
from auralflow_jax.weights import save_weights

KINDS = ["SpectrogramNetSimple", "SpectrogramNetLSTM", "SpectrogramNetVAE"]
WAVEFORM_KINDS = ["AudioNetSimple", "AudioNetVAE", "HybridNet"]
# Of these a model takes the settings that it has.
SMALL = {
    "depth": "2",
    "hidden_channels": "4",
    "num_fft": "256",
    "window_size": "256",
    "hop_length": "128",
    "num_bins": "102",
    "audio_channels": "4",
    "audio_depth": "2",
    "width": "8",
    "num_blocks": "2",
    "heads": "2",
    "head_size": "4",
    "num_bands": "12",
    "sample_rate": "16000",
}
PROVENANCE = {"epoch": 2, "step": 6, "valid_loss": 0.25}


def small_config(kind="SpectrogramNetSimple", **changes):
    base = template(kind)
    small = {leaf: value for leaf, value in SMALL.items() if leaf in base.model.__struct_fields__}
    return override(base, small | {"sample_length": "0.3"} | changes)


def random_bits(shapes, seed=0):
    """Arrays of random bit patterns, NaNs of every payload among them."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda s: rng.integers(0, 2**32, s.shape, np.uint32).view(np.float32), shapes)


def random_weights(config, seed=0):
    """Every leaf random, in sizes that keep the signal's level about constant through the layers."""
    rng = np.random.default_rng(seed)

    def draw(path, shape):
        name, value = path[-1].key, rng.standard_normal(shape.shape)
        if name in ("scale", "var"):
            value = 0.5 + 0.3 * np.abs(value)
        elif name == "kernel":
            value *= (2 / np.prod(shape.shape[:-1])) ** 0.5
        else:
            value *= shape.shape[-1] ** -0.5
        return value.astype(np.float32)

    return jax.tree_util.tree_map_with_path(draw, abstract_variables(config))


def same_bits(a, b):
    return jax.tree.structure(a) == jax.tree.structure(b) and all(
        x.dtype == y.dtype and x.shape == y.shape and np.asarray(x).tobytes() == np.asarray(y).tobytes()
        for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    )


def make_model(path, config, variables=None):
    """A model folder with weights."""
    folder = ModelFolder(path)
    folder.save_config(config)
    save_weights(folder.weights, random_weights(config) if variables is None else variables, config, PROVENANCE)
    return folder
