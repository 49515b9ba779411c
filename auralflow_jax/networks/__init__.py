"""The networks, and the registry that makes a model of a configuration."""

import jax.numpy as jnp

from auralflow.config import Config
from auralflow_jax.networks.estimate import Estimate
from auralflow_jax.networks.masking import SpectrogramModel
from auralflow_jax.networks.spectrogram import SpectrogramNetLSTM, SpectrogramNetSimple, SpectrogramNetVAE

__all__ = ["Estimate", "SpectrogramNetLSTM", "SpectrogramNetSimple", "SpectrogramNetVAE", "build"]

# By the names of the configuration's structs.
NETWORKS = {network.__name__: network for network in (SpectrogramNetSimple, SpectrogramNetLSTM, SpectrogramNetVAE)}


def build(config: Config) -> SpectrogramModel:
    """The model that a configuration describes.

    Returns:
        An object with `init(key, samples)`, `apply(variables, mixture, train, key) -> Estimate`,
        `apply_and_update` and `describe(audio)`, the same for every family.
    """
    model = config.model
    network = NETWORKS[type(model).__name__]
    settings = {name: getattr(model, name) for name in network.__dataclass_fields__ if hasattr(model, name)}
    return SpectrogramModel(
        network(num_frames=model.count_frames(config.crop_samples), num_targets=len(model.targets),
                dtype=jnp.dtype(config.training.precision), **settings),
        model)
